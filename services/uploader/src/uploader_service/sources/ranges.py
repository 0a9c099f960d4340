"""What HTTP says about ranges and versions, read and remembered."""

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


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which file it was: its size, and ETag and Last-Modified as far as the host names them."""

    size: int
    tag: str = ""
    modified: str = ""

    def text(self) -> str:
        """To be kept, and read again by `parse`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The version that `text` was made from."""
        return msgspec.json.decode(text, type=cls)

    @property
    def strong_tag(self) -> str | None:
        """The ETag if it may be used in If-Range: a weak one promises too little."""
        return self.tag if self.tag.startswith('"') else None

    def difference(self, other: Self) -> str | None:
        """What differs. Last-Modified only counts where no ETag says more."""
        if self.size != other.size:
            return "size"
        if self.tag or other.tag:
            return "ETag" if self.tag != other.tag else None
        return "modification time" if self.modified != other.modified else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which bytes of which version an answer holds."""

    first: int
    last: int
    version: Version

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def header(response: httpcore.Response, name: bytes) -> str:
    """A header's value, empty if it is not there. `name` in lowercase."""
    return next((value.decode("latin-1").strip() for key, value in response.headers if key.lower() == name), "")


def first_part(response: httpcore.Response, place: str) -> Part:
    """What the answer to a request for the first bytes holds. Raises `SourceFailed`."""
    match response.status:
        case HTTPStatus.PARTIAL_CONTENT:
            part = _part(response, place)
        case HTTPStatus.OK:
            raise SourceFailed(_whole(response, place))
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE if _NO_RANGE.fullmatch(header(response, b"content-range")):
            raise SourceFailed(Empty(place))
        case _:
            raise SourceFailed(_refused(response.status, place))
    if part.version.size > MAX_VIDEO_BYTES:
        raise SourceFailed(TooLarge(part.version.size))
    if part.first != 0:
        raise SourceFailed(NoRanges(place=place, why="answers with another range than asked for"))
    return part


def same_part(response: httpcore.Response, place: str, version: Version, first: int, last: int) -> None:
    """Checks that the answer holds exactly these bytes of that version. Raises `SourceFailed`."""
    match response.status:
        case HTTPStatus.PARTIAL_CONTENT:
            part = _part(response, place)
        # With If-Range, the whole file is how a host says that the file is another one now.
        case HTTPStatus.OK | HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE | HTTPStatus.PRECONDITION_FAILED:
            raise SourceFailed(Changed(place=place, what=version.difference(_version(response, -1)) or "content"))
        case _:
            raise SourceFailed(_refused(response.status, place))
    if what := version.difference(part.version):
        raise SourceFailed(Changed(place=place, what=what))
    if (part.first, part.last) != (first, last):
        raise SourceFailed(NoRanges(place=place, why="answers with another range than asked for"))


def _part(response: httpcore.Response, place: str) -> Part:
    text = header(response, b"content-range")
    found = _CONTENT_RANGE.fullmatch(text)
    if found is None:
        raise SourceFailed(NoRanges(place=place, why="answers without a Content-Range that names first, last and size"))
    if header(response, b"content-encoding").lower() not in {"", "identity"}:
        raise SourceFailed(NoRanges(place=place, why="compresses what it sends"))
    first, last, total = (int(number) for number in found.groups())
    if not first <= last < total:
        raise SourceFailed(NoRanges(place=place, why=f"answers with the impossible range {text}"))
    return Part(first=first, last=last, version=_version(response, total))


def _version(response: httpcore.Response, size: int) -> Version:
    return Version(size=size, tag=header(response, b"etag"), modified=header(response, b"last-modified"))


def _whole(response: httpcore.Response, place: str) -> SourceProblem:
    length = header(response, b"content-length")
    size = int(length) if length.isascii() and length.isdigit() else None
    if size == 0:
        return Empty(place)
    if size is not None and size > MAX_VIDEO_BYTES:
        return TooLarge(size)
    return NoRanges(place=place, why="answers a request for the first bytes with the whole file")


def _refused(status: int, place: str) -> SourceProblem:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        return TemporarilyUnavailable(place=place, why=f"it answers HTTP {status}")
    return Unavailable(place=place, status=status)
