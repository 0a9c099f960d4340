"""Auth: connects TikTok accounts, keeps their tokens sealed and fresh, publishes sealed access tokens."""
