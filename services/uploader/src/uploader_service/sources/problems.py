"""What can be wrong with a source. Each problem is a sentence for the person who asked for the post.

Query strings never appear in a sentence: they may hold signatures.
"""

from dataclasses import dataclass
from typing import TypeAlias

from common.contract.post import FailureReason
from tiktok.limits import MAX_VIDEO_BYTES

_FIELD = "source.url"


class SourceFailed(Exception):
    """Reading stopped; `problem` says why. Bytes that were handed out before it are good."""

    def __init__(self, problem: "SourceProblem") -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not an address that can be fetched."""

    why: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} is not an address that can be fetched: {self.why}."


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHttps:
    """Another scheme than https."""

    scheme: str
    host: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} leads to {self.scheme}://{self.host}; only https:// addresses are fetched."


@dataclass(frozen=True, slots=True)
class HasCredentials:
    """A user name or password stands in the address."""

    host: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} holds a user name or password before {self.host}; addresses with credentials are not fetched."


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenAddress:
    """The host leads somewhere that is not the public internet."""

    host: str
    address: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return (
            f"{_FIELD} points to {self.host}, which is at {self.address}; only public internet addresses are fetched."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyRedirects:
    """The source sends us on and on."""

    place: str
    limit: int

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} redirects more than {self.limit} times, the last time from {self.place}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """The host answers, and not with the file."""

    place: str
    status: int

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} cannot be read: {self.place} answers HTTP {self.status}."


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporarilyUnavailable:
    """It may work later: no connection, a broken one, or the host says that it is overloaded."""

    place: str
    why: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} cannot be read at the moment: {self.place}: {self.why}."


@dataclass(frozen=True, slots=True)
class TooLarge:
    """More than TikTok takes."""

    size: int

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} has {self.size} bytes; TikTok takes videos of at most 4 GB ({MAX_VIDEO_BYTES} bytes)."


@dataclass(frozen=True, slots=True)
class Empty:
    """No bytes at all."""

    place: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} is an empty file: {self.place} has 0 bytes."


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRanges:
    """The host does not hand out parts of the file, or not as asked."""

    place: str
    why: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} must support range requests (HTTP 206 with Content-Range): {self.place} {self.why}."


@dataclass(frozen=True, slots=True)
class NotAVideo:
    """The first bytes are none of a video's."""

    found: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} is not an MP4, MOV or WebM video: its first bytes are {self.found}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Not the file it was when its upload began."""

    place: str
    what: str

    @property
    def sentence(self) -> str:
        """For a person."""
        return f"{_FIELD} changed while it was being uploaded: {self.place} has another {self.what} now."


SourceProblem: TypeAlias = (
    Malformed
    | NotHttps
    | HasCredentials
    | ForbiddenAddress
    | TooManyRedirects
    | Unavailable
    | TemporarilyUnavailable
    | TooLarge
    | Empty
    | NoRanges
    | NotAVideo
    | Changed
)


def failure_reason(problem: SourceProblem) -> FailureReason:
    """The reason a post fails with, if this problem ends it. Only `TemporarilyUnavailable` is worth another try."""
    match problem:
        case Malformed() | NotHttps() | HasCredentials():
            return FailureReason.INVALID_REQUEST
        case ForbiddenAddress():
            return FailureReason.SOURCE_FORBIDDEN
        case TooManyRedirects() | Unavailable() | TemporarilyUnavailable() | NoRanges():
            return FailureReason.SOURCE_UNAVAILABLE
        case TooLarge():
            return FailureReason.SOURCE_TOO_LARGE
        case Empty() | NotAVideo():
            return FailureReason.SOURCE_NOT_A_VIDEO
        case Changed():
            return FailureReason.SOURCE_CHANGED
