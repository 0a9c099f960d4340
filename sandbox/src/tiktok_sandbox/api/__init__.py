"""TikTok's own HTTP API, and the calls TikTok makes by itself: downloads and webhooks."""
