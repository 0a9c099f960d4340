"""How a call to TikTok can end. Each end says whether repeating the call is safe."""

from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """TikTok did it and said so."""

    value: T


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """TikTok answered no; nothing happened. `code` is TikTok's word, `log_id` what its support asks for."""

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
    """The request left and no answer came that can be trusted.

    It may have been carried out: find out, never repeat blindly.
    """

    reason: str


CallResult: TypeAlias = Done[T] | Refused | NotSent | Unknown


@dataclass(frozen=True, slots=True)
class Stored:
    """TikTok has the whole chunk. `complete` says that it has the whole file."""

    complete: bool


ChunkResult: TypeAlias = Stored | Refused | NotSent | Unknown
