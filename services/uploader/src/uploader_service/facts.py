"""Everything that can happen to a post here. An outcome carries the effect it is `of`, so a late one is seen."""

from dataclasses import dataclass
from typing import TypeAlias

from common.clock import UtcDatetime
from common.contract.post import FailureReason, PostRequested
from tiktok.models import StatusCode
from tiktok.results import Refused
from uploader_service.effects import AskCreator, AskStatus, Init, Probe, SendChunk, TikTokCall
from uploader_service.states import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A backend asked for a post. `recorded_at` is when, as far as the record tells."""

    request: PostRequested
    recorded_at: UtcDatetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Illegible:
    """A request came that could not be read, except for whose it is. `digest` names its bytes."""

    tenant: str
    message: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The publisher gives the post back: TikTok gave the attempt up and another is allowed."""

    attempt: int
    revision: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """The account is in view, and belongs to this tenant."""

    tenant: str


@dataclass(frozen=True, slots=True)
class CredentialSeen:
    """An access token of this version is in view."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a source, in words for people. A temporary one may be gone at the next look."""

    reason: FailureReason
    message: str
    temporary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFound:
    """The source can be read."""

    of: Probe
    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUnusable:
    """The source cannot be used as it is."""

    of: Probe
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBroke:
    """The source stopped giving bytes within a chunk; TikTok may have seen some of it.

    `nothing_left`: the process that opened the attempt says that no byte of the last chunk ever left from it.
    """

    of: SendChunk
    problem: Problem
    nothing_left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorTold:
    """What the creator may post now."""

    of: AskCreator
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InitDone:
    """TikTok opened the attempt. Nothing publishes before all of its bytes are there."""

    of: Init
    publish_id: str
    sealed_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStored:
    """TikTok has the chunk; `complete`: it says it has the whole file."""

    of: SendChunk
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """TikTok said how far it is. `uploaded_bytes` may be missing from its answer."""

    of: AskStatus
    status: StatusCode
    fail_reason: str
    uploaded_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """TikTok answered no to a call made with the access token of `version`."""

    of: TikTokCall
    refused: Refused
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDeclined:
    """TikTok answered no to a chunk."""

    of: SendChunk
    refused: Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverSent:
    """The call did not reach the wire; repeating it is free."""

    of: TikTokCall | SendChunk
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The call left and no answer came that can be trusted."""

    of: TikTokCall | SendChunk
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUnreadable:
    """The sealed upload url cannot be opened with today's key. `nothing_left` as in `SourceBroke`."""

    of: SendChunk
    nothing_left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """This process did not open the attempt. It sends the last chunk once that is written down."""

    of: SendChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no usable access token newer than `version`; the call was not made."""

    of: TikTokCall
    version: int


ProbeOutcome: TypeAlias = SourceFound | SourceUnusable
CallFailure: TypeAlias = Declined | NeverSent | Unanswered | NoCredential
ChunkOutcome: TypeAlias = (
    ChunkStored | ChunkDeclined | SourceBroke | NeverSent | Unanswered | TicketUnreadable | TakenOver
)
Outcome: TypeAlias = ProbeOutcome | CreatorTold | InitDone | Located | CallFailure | ChunkOutcome
Fact: TypeAlias = Requested | Illegible | Returned | AccountSeen | CredentialSeen | Outcome
