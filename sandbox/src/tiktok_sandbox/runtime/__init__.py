"""Parts that know nothing of TikTok.

The clock, timers, tables that track changes, HTTP connections, and the folder of stored media.
"""
