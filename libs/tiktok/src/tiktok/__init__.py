"""TikTok's API as typed calls. It knows nothing of posts' states, topics or services."""
