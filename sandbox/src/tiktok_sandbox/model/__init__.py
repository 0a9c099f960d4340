"""The state of the stand-in TikTok and the pure functions that change it."""
