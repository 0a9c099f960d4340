"""What is known of TikTok's API, as typed calls. Knows nothing of what a post goes through here."""
