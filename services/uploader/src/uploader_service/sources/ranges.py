"""Reads the headers of range responses, and notices when the file has changed."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import httpcore
import msgspec

from tiktok.limits import MAX_VIDEO_BYTES
from uploader_service.sources.problems import (
    Changed,
    Empty,
    NoRanges,
    SourceFailed,
    SourceProblem,
    TemporarilyUnavailable,
    TooLarge,
    Unavailable,
)

_CONTENT_RANGE = re.compile(r"bytes +(\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII | re.IGNORECASE)
_NO_RANGE = re.compile(r"bytes +\*/0", re.ASCII | re.IGNORECASE)
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class FileVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Identifies a file: its size, and ETag and Last-Modified if the host sends them."""

    size: int
    tag: str = ""
    modified: str = ""

    def text(self) -> str:
        """Return the version as text for `parse`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the version that `text` was made from."""
        return msgspec.json.decode(text, type=cls)

    @property
    def strong_tag(self) -> str | None:
        """Return the ETag if it may be used in If-Range. A weak one does not promise equal bytes."""
        return self.tag if self.tag.startswith('"') else None

    def difference(self, other: Self) -> str | None:
        """Return what differs, or None. Last-Modified counts only if neither side has an ETag."""
        if self.size != other.size:
            return "size"
        if self.tag or other.tag:
            return "ETag" if self.tag != other.tag else None
        return "modification time" if self.modified != other.modified else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Which bytes of which file a response holds."""

    first: int
    last: int
    version: FileVersion

    @property
    def length(self) -> int:
        """Number of bytes."""
        return self.last - self.first + 1


def header(response: httpcore.Response, name: bytes) -> str:
    """Return a header's value, empty if it is missing. `name` is in lowercase."""
    return next((value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name), "")


def read_first_range(response: httpcore.Response, location: str) -> ByteRange:
    """Return what a response to a request for the first bytes holds. Raises `SourceFailed`."""
    match response.status:
        case HTTPStatus.PARTIAL_CONTENT:
            found = _byte_range(response, location)
        case HTTPStatus.OK:
            raise SourceFailed(_whole_file(response, location))
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE if _NO_RANGE.fullmatch(header(response, b"content-range")):
            raise SourceFailed(Empty(location))
        case _:
            raise SourceFailed(_refused(response.status, location))
    if found.version.size > MAX_VIDEO_BYTES:
        raise SourceFailed(TooLarge(found.version.size))
    if found.first != 0:
        raise SourceFailed(NoRanges(location=location, why="answers with another range than requested"))
    return found


def check_range(response: httpcore.Response, location: str, version: FileVersion, first: int, last: int) -> None:
    """Check that the response holds exactly these bytes of that version. Raises `SourceFailed`."""
    match response.status:
        case HTTPStatus.PARTIAL_CONTENT:
            found = _byte_range(response, location)
        # A host answers If-Range with the whole file if the file has changed.
        case HTTPStatus.OK | HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE | HTTPStatus.PRECONDITION_FAILED:
            raise SourceFailed(Changed(location=location, what=version.difference(_version(response, -1)) or "content"))
        case _:
            raise SourceFailed(_refused(response.status, location))
    if what := version.difference(found.version):
        raise SourceFailed(Changed(location=location, what=what))
    # A host may send less than requested; the chunk would then be too short for its Content-Range at TikTok.
    if (found.first, found.last) != (first, last):
        raise SourceFailed(NoRanges(location=location, why="answers with another range than requested"))


def _byte_range(response: httpcore.Response, location: str) -> ByteRange:
    text = header(response, b"content-range")
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        raise SourceFailed(NoRanges(location=location, why="answers without first, last and size in Content-Range"))
    # Some hosts compress although the request forbids it.
    if header(response, b"content-encoding").lower() not in {"", "identity"}:
        raise SourceFailed(NoRanges(location=location, why="compresses what it sends"))
    first, last, total = (int(number) for number in found.groups())
    if not first <= last < total:
        raise SourceFailed(NoRanges(location=location, why=f"answers with the impossible range {text}"))
    return ByteRange(first=first, last=last, version=_version(response, total))


def _version(response: httpcore.Response, size: int) -> FileVersion:
    return FileVersion(size=size, tag=header(response, b"etag"), modified=header(response, b"last-modified"))


def _whole_file(response: httpcore.Response, location: str) -> SourceProblem:
    length = header(response, b"content-length")
    size = int(length) if length.isascii() and length.isdigit() else None
    if size == 0:
        return Empty(location)
    if size is not None and size > MAX_VIDEO_BYTES:
        return TooLarge(size)
    return NoRanges(location=location, why="answers a request for the first bytes with the whole file")


def _refused(status: int, location: str) -> SourceProblem:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        return TemporarilyUnavailable(location=location, why=f"it answers HTTP {status}")
    return Unavailable(location=location, status=status)
