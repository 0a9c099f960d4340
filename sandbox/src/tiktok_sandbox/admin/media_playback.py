"""Serves the stored bytes of a post, with ranges.

Browsers need ranges to play a video and to seek in it.
"""

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model.file_formats import HEAD_BYTES
from tiktok_sandbox.model.publications import Publication, find_post
from tiktok_sandbox.runtime.media_store import MediaStore

_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
# The posting app chooses the bytes. They must never run as a page of our origin, so only media types are named.
_HEADERS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


def media_routes(context: AppContext) -> list[Route]:
    """Return the route of stored media."""
    return [Route("/_sandbox/posts/{post_id}/media", _show(context))]


def _show(context: AppContext) -> Handler:
    """Serve one file of a post, or 404 if it is not stored completely."""

    async def handle(request: Request) -> Response:
        publication = _published(context, request.path_params["post_id"])
        part = request.query_params.get("part", "0")
        if context.media is None or publication is None or not part.isdecimal():
            return _not_found()
        size = context.media.length(publication.publish_id, int(part))
        # A video is served only when complete: a browser shows an error for half of one.
        if not size or (not int(part) and publication.plan.size not in {0, size}):
            return _not_found()
        return _answer(context.media, publication.publish_id, int(part), size, request.headers.get("range", ""))

    return handle


def _published(context: AppContext, post_id: str) -> Publication | None:
    if not post_id.isdecimal():
        return None
    publications = context.tables.publications.values()
    return next((each for each in publications if find_post(each, int(post_id)) is not None), None)


def _not_found() -> Response:
    return JSONResponse({"error": "No bytes are stored of such a post."}, status_code=404)


def _answer(media: MediaStore, publish_id: str, part: int, size: int, range_header: str) -> Response:
    span = read_range(range_header, size)
    if span is None:
        return Response(status_code=416, headers={**_HEADERS, "Content-Range": f"bytes */{size}"})
    headers = {**_HEADERS, "Content-Length": str(len(span))}
    if range_header:
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    kind = media_type(b"".join(media.read(publish_id, range(HEAD_BYTES), part)))
    pieces = media.read(publish_id, span, part)
    return StreamingResponse(pieces, status_code=206 if range_header else 200, headers=headers, media_type=kind)


def read_range(range_header: str, size: int) -> range | None:
    """Return the range that a Range header asks for.

    Without a header that is everything. None means that the range cannot be satisfied.
    """
    if not range_header:
        return range(size)
    found = _RANGE.fullmatch(range_header)
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    span = (
        range(max(size - int(last), 0), size) if not first else range(int(first), min(int(last or size), size - 1) + 1)
    )
    return span or None


def media_type(head: bytes) -> str:
    """Return the media type of a file by its first bytes."""
    if head[4:8] == b"ftyp":
        return "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"
    if head[4:8] in {b"moov", b"mdat", b"wide", b"free"}:
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return "image/webp" if is_webp else "application/octet-stream"
