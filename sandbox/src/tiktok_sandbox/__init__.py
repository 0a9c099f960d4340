"""A stateful stand-in for TikTok: consent, OAuth, posting, uploads, numbers, and a ledger of what was truly posted."""
