"""What can be wrong with a source. Each problem has a message for the person who requested the post.

A message never contains a query string, which may hold a signature.
"""

from dataclasses import dataclass
from typing import TypeAlias

from common.contract.post import FailureReason
from tiktok.limits import MAX_VIDEO_BYTES

_FIELD = "source.url:"


class SourceFailed(Exception):
    """Reading stopped because of `problem`. Bytes that were yielded before it are good."""

    def __init__(self, problem: "SourceProblem") -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Malformed:
    """The URL cannot be requested."""

    why: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} It cannot be requested: {self.why}. Give an https:// URL."


@dataclass(frozen=True, slots=True, kw_only=True)
class NotHttps:
    """The URL has another scheme than https.

    Over plain http others on the way could read the file, and change what is posted.
    """

    scheme: str
    host: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} It leads to {self.scheme}://{self.host}. Give an https:// URL."


@dataclass(frozen=True, slots=True)
class HasCredentials:
    """The URL contains a user name or password.

    They could end up in logs and events.
    """

    host: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} It has a user name or password before {self.host}. Give a URL without credentials."


@dataclass(frozen=True, slots=True, kw_only=True)
class ForbiddenAddress:
    """The host is not on the public internet."""

    host: str
    address: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} It points to {self.host} at {self.address}. Give a URL on the public internet."


@dataclass(frozen=True, slots=True, kw_only=True)
class TooManyRedirects:
    """The source redirects too often.

    The limit also ends a loop of redirects.
    """

    location: str
    limit: int

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} It redirects more than {self.limit} times, last from {self.location}. Give the final URL."


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """The host answers, but not with the file."""

    location: str
    status: int

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} {self.location} answers HTTP {self.status}. Check that the file can be downloaded."


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporarilyUnavailable:
    """It may work later: no connection, a broken one, or an overloaded host."""

    location: str
    why: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} {self.location} cannot be read at the moment: {self.why}."


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The file is larger than TikTok takes."""

    size: int

    @property
    def message(self) -> str:
        """Sentence for people."""
        return (
            f"{_FIELD} The file has {self.size} bytes. TikTok takes videos of at most 4 GB ({MAX_VIDEO_BYTES} bytes)."
        )


@dataclass(frozen=True, slots=True)
class Empty:
    """The file has no bytes."""

    location: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} The file is empty: {self.location} has 0 bytes."


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRanges:
    """The host does not send parts of the file, or not the requested ones.

    Without ranges a chunk that has to be sent again would need the whole file from its start.
    """

    location: str
    why: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} The host must support range requests (HTTP 206, Content-Range): {self.location} {self.why}."


@dataclass(frozen=True, slots=True)
class NotAVideo:
    """The first bytes are not those of a video."""

    found: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} The file is not an MP4, MOV or WebM video: its first bytes are {self.found}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The file is another one than when its upload began.

    Its chunks would be of two files, which TikTok would join into a broken video.
    """

    location: str
    what: str

    @property
    def message(self) -> str:
        """Sentence for people."""
        return f"{_FIELD} The file changed while it was being uploaded: {self.location} has another {self.what} now."


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
    """Return the reason that a post fails with if this problem ends it. Only `TemporarilyUnavailable` is retried."""
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
