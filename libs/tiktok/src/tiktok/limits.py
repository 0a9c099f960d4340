"""TikTok's limits, each with the page it was read on."""

from datetime import timedelta

# Content Posting API, "Media transfer guide", read 2026-09-11. The page says 4 GB without saying which
# gigabyte; the smaller one holds under both readings, and so do the chunk sizes below.
MAX_VIDEO_BYTES = 4_000_000_000
ONE_CHUNK_UP_TO_BYTES = 64_000_000
CHUNK_BYTES = 10_000_000

# Same guide: the upload url, and the whole upload with it, lives for an hour.
UPLOAD_URL_SECONDS = 3600

# Content Posting API reference, read 2026-09-11: calls per minute and user access token.
CREATOR_INFO_PER_MINUTE = 20
INIT_PER_MINUTE = 6
STATUS_PER_MINUTE = 30

# Direct Post reference, read 2026-09-11: the caption, counted in UTF-16 code units.
TITLE_UTF16_UNITS = 2200

# Display API reference, read 2026-08-04: ids in one video query.
VIDEO_IDS_PER_QUERY = 20

# "Login Kit for Desktop", read 2026-09: length of a PKCE verifier.
VERIFIER_MIN_CHARACTERS = 43
VERIFIER_MAX_CHARACTERS = 128

# "Webhooks verification", read 2026-09-11, asks to check the time and names no tolerance; five minutes are usual.
WEBHOOK_TOLERANCE = timedelta(minutes=5)

# Not TikTok's: its notifications have some 300 bytes.
WEBHOOK_BYTES = 64 * 1024
