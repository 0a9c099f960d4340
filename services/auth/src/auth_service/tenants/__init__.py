"""Tenants, their TikTok apps and their API keys."""
