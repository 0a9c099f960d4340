"""Does a server that claims to be TikTok's API behave like it? Cases over plain HTTP.

`case_registry` collects the cases of `cases/`, `scenario` gives each one apps and people of its own, `checks`
compares replies, `external_server` serves files and receives webhooks, `coverage_page` writes docs/conformance.md.
"""
