"""The admin API under `/_sandbox/`, for tests and demos."""
