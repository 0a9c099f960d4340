"""Contracts and plumbing the Postbus services share. Knows nothing of TikTok or of what a post goes through."""
