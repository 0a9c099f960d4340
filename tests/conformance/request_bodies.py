"""Bodies and constants of requests, in the words of the API."""

import hashlib

ALL_SCOPES = (
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.list",
    "video.upload",
    "video.publish",
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json; charset=UTF-8"}
PUBLISH = "/v2/post/publish/"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(100)
VERIFIER = "a-verifier.of_forty-three~characters-0123456789"
EVERYONE = "PUBLIC_TO_EVERYONE"


def mp4_bytes(size: int) -> bytes:
    """Return bytes that begin like an MP4."""
    return (MP4 + bytes(size))[:size]


def file_source(size: int, chunk: int | None = None, count: int = 1) -> dict[str, object]:
    """Return the source of an upload; one whole chunk by default."""
    sizes = {"video_size": size, "chunk_size": size if chunk is None else chunk, "total_chunk_count": count}
    return {"source": "FILE_UPLOAD", **sizes}


def url_source(url: str) -> dict[str, object]:
    """Return the source of a download."""
    return {"source": "PULL_FROM_URL", "video_url": url}


def pkce_challenge(verifier: str) -> str:
    """Return the challenge as TikTok wants it: hex, not base64url as in RFC 7636."""
    return hashlib.sha256(verifier.encode()).hexdigest()
