"""Connecting an account: the way to TikTok's consent page and back."""
