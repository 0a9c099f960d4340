"""HTTP edges: the app, problem documents, API keys, rate limits."""
