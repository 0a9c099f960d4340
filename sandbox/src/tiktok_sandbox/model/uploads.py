"""The upload host: which chunk may come next, and the hash of what came, without keeping any of it."""

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
    """A running hash that can be forked."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def copy(self) -> "ForkableHash":
        """A fork that goes on by itself."""

    def hexdigest(self) -> str:
        """The hash so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload url and how far it is; `digest` covers exactly the stored bytes and is never fed itself."""

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
    """What a PUT says about itself before its body."""

    content_type: str
    content_length: str
    content_range: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRange:
    """The bytes a PUT brings, both ends included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1


class IncomingChunk:
    """A chunk while its body comes in: it counts only if it ends whole, and a broken one leaves no trace."""

    def __init__(self, upload_id: str, span: ChunkRange, digest: ForkableHash) -> None:
        self.upload_id = upload_id
        self.span = span
        self.digest = digest
        self.read = 0
        self.head = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body."""
        if self.read < HEAD_BYTES:
            self.head = (self.head + piece[:HEAD_BYTES])[:HEAD_BYTES]
        self.read += len(piece)
        self.digest.update(piece)


def new_upload(*, publish_id: str, token: str, plan: ChunkPlan, expires_at: float) -> Upload:
    """An upload nothing has come for yet."""
    return Upload(publish_id=publish_id, token=token, plan=plan, expires_at=expires_at, digest=hashlib.sha256())


def check_headers(upload_id: str, upload: Upload, head: ChunkHeaders, now: float) -> IncomingChunk | Answer:
    """Judge a PUT by its head."""
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
    if last != upload.plan.last_byte(first) or head.content_length != str(chunk.length):
        return upload_error(400, "chunk_size_mismatch")
    return IncomingChunk(upload_id, chunk, upload.digest.copy())


def _parse_headers(head: ChunkHeaders) -> tuple[int, int, int] | Answer:
    if head.content_type.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        return upload_error(400, "content_type_invalid")
    found = _RANGE.fullmatch(head.content_range)
    if found is None or not head.content_length:
        return upload_error(400, "headers_invalid")
    first, last, total = (int(number) for number in found.groups())
    return first, last, total


def upload_not_found() -> Answer:
    """No upload waits behind this url (never did, or it is complete)."""
    return upload_error(404, "upload_not_found")


def _unexpected_range(upload: Upload) -> Answer:
    return upload_error(416, "range_not_expected", _progress_header(upload))


def _progress_header(upload: Upload) -> dict[str, str]:
    # The documentation names a count here; an index of the last byte is how HTTP reads the header.
    return {"Content-Range": f"bytes 0-{max(upload.stored - 1, 0)}/{upload.plan.size}"}


def store_chunk(upload: Upload, incoming: IncomingChunk, now: float) -> Upload | Answer:
    """A body ended: the upload with this chunk stored, or why it does not count.

    Two PUTs of one chunk may run side by side (a client thought dead, and its successor): the first to end
    is stored, the other is out of place.
    """
    if incoming.read != incoming.span.length:
        return upload_error(400, "body_length_mismatch")
    if upload.complete:
        return upload_not_found()
    if upload.expires_at <= now:
        return upload_error(403, "upload_url_expired")
    if upload.stored != incoming.span.first:
        return _unexpected_range(upload)
    head = upload.head or incoming.head
    return replace(upload, stored=incoming.span.last + 1, digest=incoming.digest, head=head)


def chunk_stored(upload: Upload) -> Answer:
    """201 when everything is there, 206 when more is expected."""
    return Answer(status=201 if upload.complete else 206, headers=_progress_header(upload))
