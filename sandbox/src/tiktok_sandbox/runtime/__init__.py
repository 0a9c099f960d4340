"""Parts that know nothing of TikTok: the clock, timers, tables, connections and the media folder."""
