"""TikTok's HTTP API, and the calls that TikTok makes by itself.

`routes` maps addresses to handlers. `bearer_calls` handles everything with an access token and calls
`content_posting` and `display`; `oauth` and `consent` give out tokens; `chunk_upload` is the upload host.
`url_downloads` and `webhook_sender` run in the background. Every call is an `api_call.ApiCall`, so that rules can
act on it and the list of calls shows it.
"""
