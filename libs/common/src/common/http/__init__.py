"""HTTP edges: the app, problem documents, API keys and rate limits."""
