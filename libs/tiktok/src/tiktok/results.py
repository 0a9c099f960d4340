"""The four results of a call to TikTok. Each of them decides whether repeating the call is safe."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """TikTok did it and confirmed it."""

    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """TikTok refused, and nothing happened. `code` is TikTok's own; its support asks for the `log_id`."""

    status: int
    code: str
    message: str
    log_id: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request never reached the wire. It may be repeated freely."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request left, and no answer arrived that can be trusted.

    TikTok may have carried it out. Ask for the status before anything else: a repeated init can be a second post.
    """

    reason: str


CallResult: TypeAlias = Done[T] | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Stored:
    """TikTok has the whole chunk. `complete`: it has the whole file."""

    complete: bool


ChunkResult: TypeAlias = Stored | Refused | NotSent | Unknown
