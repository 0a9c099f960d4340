"""The admin API under `/_sandbox/`, for tests and demos.

TikTok has nothing like it.
"""
