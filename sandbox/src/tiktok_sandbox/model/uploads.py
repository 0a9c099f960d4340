"""The state of an upload URL: the next chunk, and the hash of what is stored.

The bytes themselves are not needed for TikTok's rules and are not kept here.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from tiktok_sandbox.model.answers import Answer, upload_error
from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.file_formats import HEAD_BYTES

CONTENT_TYPES: Final = frozenset({"video/mp4", "video/quicktime", "video/webm"})
_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")


class ForkableHash(Protocol):
    """A running hash that can be copied.

    A chunk hashes into a copy. The copy replaces the original only if the chunk is complete, so a broken chunk
    leaves no trace.
    """

    def update(self, data: bytes, /) -> None:
        """Add bytes."""

    def copy(self) -> "ForkableHash":
        """Return an independent copy."""

    def hexdigest(self) -> str:
        """Return the hash so far, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload URL and its progress.

    `digest` covers exactly the stored bytes and is never updated in place.
    """

    publish_id: str
    token: str = field(repr=False)
    plan: ChunkPlan
    expires_at: float
    digest: ForkableHash
    stored: int = 0
    head: bytes = b""

    @property
    def complete(self) -> bool:
        """Whether every byte is stored."""
        return self.stored == self.plan.size


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkHeaders:
    """The headers by which a PUT is checked before its body is read."""

    content_type: str
    content_length: str
    content_range: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRange:
    """The range of bytes in a PUT, both ends included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """The number of bytes."""
        return self.last - self.first + 1


class IncomingChunk:
    """A chunk whose body is being received. It counts only if it ends complete."""

    def __init__(self, upload_id: str, span: ChunkRange, digest: ForkableHash) -> None:
        self.upload_id = upload_id
        self.span = span
        self.digest = digest
        self.read = 0
        self.head = b""

    def feed(self, piece: bytes) -> None:
        """Add the next bytes of the body."""
        if self.read < HEAD_BYTES:
            self.head = (self.head + piece[:HEAD_BYTES])[:HEAD_BYTES]
        self.read += len(piece)
        self.digest.update(piece)


def new_upload(*, publish_id: str, token: str, plan: ChunkPlan, expires_at: float) -> Upload:
    """Return an upload without any bytes."""
    return Upload(publish_id=publish_id, token=token, plan=plan, expires_at=expires_at, digest=hashlib.sha256())


def check_headers(upload_id: str, upload: Upload, head: ChunkHeaders, now: float) -> IncomingChunk | Answer:
    """Check a PUT by its headers: return the chunk to receive, or the refusal."""
    if upload.complete:
        return upload_not_found()
    if upload.expires_at <= now:
        return upload_error(403, "upload_url_expired")
    span = _parse_headers(head)
    if isinstance(span, Answer):
        return span
    first, last, total = span
    if total != upload.plan.size or first != upload.stored:
        return _unexpected_range(upload)
    chunk = ChunkRange(first=first, last=last)
    # Each chunk must be exactly as long as init announced; the last one takes the remainder.
    if last != upload.plan.last_byte(first) or head.content_length != str(chunk.length):
        return upload_error(400, "chunk_size_mismatch")
    return IncomingChunk(upload_id, chunk, upload.digest.copy())


def _parse_headers(head: ChunkHeaders) -> tuple[int, int, int] | Answer:
    """Return first byte, last byte and total of the Content-Range, or the refusal."""
    if head.content_type.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        return upload_error(400, "content_type_invalid")
    found = _RANGE.fullmatch(head.content_range)
    if found is None or not head.content_length:
        return upload_error(400, "headers_invalid")
    first, last, total = (int(number) for number in found.groups())
    return first, last, total


def upload_not_found() -> Answer:
    """Answer that no upload waits behind this URL: it never existed, or is complete."""
    return upload_error(404, "upload_not_found")


def _unexpected_range(upload: Upload) -> Answer:
    return upload_error(416, "range_not_expected", _progress_header(upload))


def _progress_header(upload: Upload) -> dict[str, str]:
    # The documentation speaks of a byte count here. HTTP defines the header as the index of the last byte, and so do
    # we.
    return {"Content-Range": f"bytes 0-{max(upload.stored - 1, 0)}/{upload.plan.size}"}


def store_chunk(upload: Upload, incoming: IncomingChunk, now: float) -> Upload | Answer:
    """Store a chunk whose body has ended, or return why it does not count.

    Two PUTs of one chunk may run side by side: from a client thought dead, and from its successor. The first to end
    is stored, the other is refused as out of range.
    """
    # All checks are repeated here: the upload may have changed while the body was received.
    if incoming.read != incoming.span.length:
        return upload_error(400, "body_length_mismatch")
    if upload.complete:
        return upload_not_found()
    if upload.expires_at <= now:
        return upload_error(403, "upload_url_expired")
    # Another PUT of the same chunk ended first.
    if upload.stored != incoming.span.first:
        return _unexpected_range(upload)
    head = upload.head or incoming.head
    return replace(upload, stored=incoming.span.last + 1, digest=incoming.digest, head=head)


def chunk_stored(upload: Upload) -> Answer:
    """Answer 201 if every byte is stored, 206 if more is expected."""
    return Answer(status=201 if upload.complete else 206, headers=_progress_header(upload))
