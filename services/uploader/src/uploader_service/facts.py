"""The facts about a post: events, changes of views, and results of effects.

A result carries the effect it is `of`. If the state requests another effect by then, the result is late and changes
nothing.
"""

from dataclasses import dataclass
from typing import TypeAlias

from common.clock import UtcDatetime
from common.contract.post import FailureReason, PostRequested
from tiktok.models import StatusCode
from tiktok.results import Refused
from uploader_service.effects import InitVideoUpload, ProbeSource, QueryCreator, QueryStatus, SendChunk, TikTokCall
from uploader_service.states import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A backend requested a post.

    `recorded_at` is the record's own time, if it has one.

    A request is refused as too old by `recorded_at`: the memory of the post that it repeats may be gone.
    """

    request: PostRequested
    recorded_at: UtcDatetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndecodableRequest:
    """A request could not be decoded, except for which post it names.

    `digest` is that of its bytes.

    `message` has at most 500 characters. `tenant` is empty if it is missing or unreadable.
    """

    tenant: str
    message: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The publisher returned the post.

    TikTok gave the attempt up, and another one is allowed.

    `attempt` and `revision` show whether it is about the attempt that was handed over last.
    """

    attempt: int
    revision: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AccountKnown:
    """The account is in the view, and belongs to this tenant.

    Whether that is the tenant of the post is decided with the state.
    """

    tenant: str


@dataclass(frozen=True, slots=True)
class CredentialKnown:
    """An access token of this version is in the view."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFault:
    """What is wrong with a source, as a sentence for people. A temporary fault may be gone at the next try."""

    reason: FailureReason
    message: str
    temporary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFound:
    """The source can be read."""

    of: ProbeSource
    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUnusable:
    """The source cannot be used as it is."""

    of: ProbeSource
    fault: SourceFault


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorInfoReceived:
    """TikTok's answer about what the creator may post now.

    `privacy_levels` are those that TikTok offers this creator now, by TikTok's names.
    """

    of: QueryCreator
    privacy_levels: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InitDone:
    """TikTok opened the attempt.

    It publishes nothing before all of its bytes have arrived.

    `sealed_url` is the upload URL, sealed to the uploader's own key and bound to this account and attempt.
    """

    of: InitVideoUpload
    publish_id: str
    sealed_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReceived:
    """TikTok's answer about how far it is. `uploaded_bytes` may be missing from it."""

    of: QueryStatus
    status: StatusCode
    fail_reason: str
    uploaded_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkEnded:
    """Base of the results that only a chunk has."""

    of: SendChunk


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStored(ChunkEnded):
    """TikTok has the chunk. `complete`: TikTok says that it has the whole file."""

    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRefused(ChunkEnded):
    """TikTok refused the chunk.

    Whether the attempt is dead depends on the code, the mark and the age of the URL.
    """

    refused: Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInterrupted(ChunkEnded):
    """The source stopped within a chunk; TikTok may have received some of it.

    `last_chunk_never_left`: this process opened the attempt and knows that no byte of the last chunk ever left.
    """

    fault: SourceFault
    last_chunk_never_left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadUrlUnreadable(ChunkEnded):
    """The sealed upload URL cannot be opened with the current key.

    `last_chunk_never_left` as in `SourceInterrupted`.
    """

    last_chunk_never_left: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver(ChunkEnded):
    """This process did not open the attempt. It sends the last chunk once that is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefused:
    """TikTok refused a call that was made with the access token of `version`."""

    of: TikTokCall
    refused: Refused
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no usable access token newer than `version`; the call was not made."""

    of: TikTokCall
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestNotSent:
    """The request did not reach the wire. Repeating it is always safe.

    It uses up no quota.
    """

    of: TikTokCall | SendChunk
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultUnknown:
    """The request left, and no answer arrived that can be trusted: it may have been carried out."""

    of: TikTokCall | SendChunk
    reason: str


EventFact: TypeAlias = Requested | UndecodableRequest | Returned
ProbeResult: TypeAlias = SourceFound | SourceUnusable
CallFailure: TypeAlias = CallRefused | RequestNotSent | ResultUnknown | NoCredential
ChunkResult: TypeAlias = (
    ChunkStored | ChunkRefused | SourceInterrupted | UploadUrlUnreadable | TakenOver | RequestNotSent | ResultUnknown
)
EffectResult: TypeAlias = ProbeResult | CreatorInfoReceived | InitDone | StatusReceived | CallFailure | ChunkResult
Fact: TypeAlias = EventFact | AccountKnown | CredentialKnown | EffectResult
