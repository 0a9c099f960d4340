"""A post in each of the uploader's states, and the results of its effects."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from common.contract.body import Body
from common.contract.post import DelayReason, FailureReason, PostEvent, PostRequested, PrivacyLevel, Source
from common.streams import Decision, Due, StateKey
from tiktok.models import StatusCode
from tiktok.results import Refused
from uploader_service import plans, states
from uploader_service.decisions import decide
from uploader_service.effects import InitVideoUpload, ProbeSource, QueryCreator, QueryStatus, SendChunk
from uploader_service.facts import (
    AccountKnown,
    CallRefused,
    ChunkRefused,
    ChunkStored,
    CreatorInfoReceived,
    CredentialKnown,
    Fact,
    InitDone,
    NoCredential,
    Requested,
    RequestNotSent,
    ResultUnknown,
    Returned,
    SourceFault,
    SourceFound,
    SourceInterrupted,
    SourceUnusable,
    StatusReceived,
    TakenOver,
    UndecodableRequest,
    UploadUrlUnreadable,
)
from uploader_service.states import (
    AwaitingAccount,
    AwaitingCredential,
    CheckingCreator,
    Ending,
    Finished,
    HandedOver,
    Initialising,
    Media,
    Post,
    PostProgress,
    Probing,
    ProvingDead,
    QueryingAfterLastChunk,
    QueryingBeforeLastChunk,
    QueryingUnsendable,
    Uploading,
    UploadSession,
    Waiting,
    WorkingState,
    request_digest,
)

KEY = StateKey("acc_a", "t1/post-1")
NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)
REQUEST = PostRequested(
    account_id="acc_a",
    post_id="post-1",
    tenant="t1",
    source=Source(url="https://media.example/cat.mp4"),
    privacy_level=PrivacyLevel.PUBLIC_TO_EVERYONE,
    caption="A cat",
)
PROGRESS = PostProgress(
    request=REQUEST, digest=request_digest(REQUEST), not_after=NOW + timedelta(hours=24), revision=1
)
SMALL = Media(size=5_000_000, validator="v1", content_type="video/mp4")
LARGE = Media(size=75_000_000, validator="v1", content_type="video/mp4")
"""Seven chunks: six of 10,000,000 bytes and a last one of 15,000,000."""

LAST = 6
SESSION = UploadSession(publish_id="p1", sealed_url="sealed", opened_at=NOW)

AWAITING_ACCOUNT = AwaitingAccount(progress=PROGRESS, since=NOW)
PROBING = Probing(progress=PROGRESS)
CHECKING_CREATOR = CheckingCreator(progress=PROGRESS, media=LARGE)
INITIALISING = Initialising(progress=PROGRESS, media=LARGE)
UPLOADING = Uploading(progress=PROGRESS, media=LARGE, session=SESSION, next_chunk=2, last_chunk_may_have_left=False)
LAST_CHUNK = Uploading(progress=PROGRESS, media=LARGE, session=SESSION, next_chunk=LAST, last_chunk_may_have_left=True)
QUERYING_BEFORE = QueryingBeforeLastChunk(progress=PROGRESS, media=LARGE, session=SESSION)
QUERYING_AFTER = QueryingAfterLastChunk(progress=PROGRESS, media=LARGE, session=SESSION)
QUERYING_UNSENDABLE = QueryingUnsendable(progress=PROGRESS, media=LARGE, session=SESSION)
PROVING_DEAD = ProvingDead(progress=PROGRESS, media=LARGE, session=SESSION)
WAITING = Waiting(until=NOW + timedelta(minutes=1), reason=DelayReason.TIKTOK, then=PROBING)
AWAITING_CREDENTIAL = AwaitingCredential(newer_than=3, then=CHECKING_CREATOR)
HANDED_OVER = HandedOver(progress=PROGRESS, publish_id="p1", at=NOW)
FAILED = Finished(tenant="t1", digest=PROGRESS.digest, revision=4, ending=Ending.FAILED, at=NOW)
FORGOTTEN = Finished(tenant="t1", digest=PROGRESS.digest, revision=4, ending=Ending.HANDED_OVER, at=NOW)

QUERYING = (QUERYING_BEFORE, QUERYING_AFTER, QUERYING_UNSENDABLE, PROVING_DEAD)
WORKING: tuple[WorkingState, ...] = (PROBING, CHECKING_CREATOR, INITIALISING, UPLOADING, LAST_CHUNK, *QUERYING)
STATES: tuple[Post, ...] = (
    *WORKING,
    AWAITING_ACCOUNT,
    WAITING,
    AWAITING_CREDENTIAL,
    HANDED_OVER,
    FAILED,
    FORGOTTEN,
)

TEMPORARY = SourceFault(reason=FailureReason.SOURCE_UNAVAILABLE, message="later", temporary=True)
GONE = SourceFault(reason=FailureReason.SOURCE_UNAVAILABLE, message="HTTP 404", temporary=False)
P = TypeVar("P", bound=states.Working)
E = TypeVar("E", bound=Body)


def requested_effect(state: WorkingState) -> Any:
    """The effect that the state requests: a result of any other one is late."""
    return plans.requested_effect(state)


def refused(code: str, status: int = 400) -> Refused:
    return Refused(status=status, code=code, message="no", log_id="log")


def declined(state: WorkingState, code: str, version: int = 3) -> CallRefused:
    return CallRefused(of=requested_effect(state), refused=refused(code), version=version)


def chunk_declined(state: WorkingState, code: str) -> ChunkRefused:
    return ChunkRefused(of=requested_effect(state), refused=refused(code))


def creator_info(state: WorkingState, **changes: Any) -> CreatorInfoReceived:
    flags = {"comment_disabled": False, "duet_disabled": False, "stitch_disabled": False} | changes
    levels = flags.pop("levels", ("PUBLIC_TO_EVERYONE", "SELF_ONLY"))
    return CreatorInfoReceived(of=requested_effect(state), privacy_levels=levels, **flags)


def stored(state: WorkingState, *, complete: bool = False) -> ChunkStored:
    return ChunkStored(of=requested_effect(state), complete=complete)


def status_result(
    state: WorkingState, uploaded: int | None, status: StatusCode = StatusCode.PROCESSING_UPLOAD, why: str = ""
) -> StatusReceived:
    return StatusReceived(of=requested_effect(state), status=status, fail_reason=why, uploaded_bytes=uploaded)


def with_progress(state: P, **changes: Any) -> P:
    return replace(state, progress=replace(state.progress, **changes))


def results_of(effect: Any) -> tuple[Fact, ...]:
    """Results that an effect may have, one of each kind."""
    calls: tuple[Fact, ...] = ()
    if isinstance(effect, QueryCreator | InitVideoUpload | QueryStatus):
        calls = (
            CallRefused(of=effect, refused=refused("internal_error"), version=3),
            RequestNotSent(of=effect, reason="no route"),
            ResultUnknown(of=effect, reason="reset"),
            NoCredential(of=effect, version=3),
        )
    match effect:
        case ProbeSource():
            media = SourceFound(of=effect, media=LARGE)
            return media, SourceUnusable(of=effect, fault=TEMPORARY), SourceUnusable(of=effect, fault=GONE)
        case SendChunk():
            return (
                ChunkStored(of=effect, complete=effect.chunk == LAST),
                ChunkRefused(of=effect, refused=refused("upload_out_of_step")),
                SourceInterrupted(of=effect, fault=TEMPORARY),
                RequestNotSent(of=effect, reason="no route"),
                ResultUnknown(of=effect, reason="reset"),
                UploadUrlUnreadable(of=effect),
                UploadUrlUnreadable(of=effect, last_chunk_never_left=True),
                SourceInterrupted(of=effect, fault=GONE),
                SourceInterrupted(of=effect, fault=GONE, last_chunk_never_left=True),
                TakenOver(of=effect),
            )
        case QueryCreator():
            levels = ("PUBLIC_TO_EVERYONE",)
            flags = {"comment_disabled": False, "duet_disabled": False, "stitch_disabled": False}
            return CreatorInfoReceived(of=effect, privacy_levels=levels, **flags), *calls
        case InitVideoUpload():
            return InitDone(of=effect, publish_id="p1", sealed_url="sealed"), *calls
        case QueryStatus():
            return (
                StatusReceived(
                    of=effect, status=StatusCode.PROCESSING_UPLOAD, fail_reason="", uploaded_bytes=10_000_000
                ),
                *calls,
            )
        case _:
            message = f"no results for {effect}"
            raise AssertionError(message)


INPUTS: tuple[Fact | Due, ...] = (
    Requested(request=REQUEST, recorded_at=NOW),
    Requested(request=replace(REQUEST, caption="A dog"), recorded_at=NOW),
    UndecodableRequest(tenant="t1", message="not JSON", digest="other"),
    Returned(attempt=1, revision=9, code="internal", message=""),
    AccountKnown("t1"),
    CredentialKnown(4),
    Due(),
)


def step(state: Post | None, fact: Fact | Due, now: datetime = NOW) -> Decision[Post]:
    return decide(KEY, state, fact, now)


def expect_state(decision: Decision[Post], kind: type[Any]) -> Any:
    """The state after a decision, which has to be of this kind."""
    assert isinstance(decision.state, kind), decision
    return decision.state


def single_event(decision: Decision[Post], kind: type[E]) -> E:
    """The one event of this kind."""
    (found,) = [event for event in decision.events if isinstance(event, kind)]
    return found


def revisions(decision: Decision[Post]) -> list[int]:
    return [event.revision for event in decision.events if isinstance(event, PostEvent)]
