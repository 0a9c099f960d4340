"""A post in each of the uploader's states, and the results of its effects."""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from msgspec.structs import replace

from common.contract.body import Body
from common.contract.post import DelayReason, FailureReason, PostEvent, PostRequested, PrivacyLevel, Source
from common.streams import Decision, Due, StateKey
from tiktok.models import StatusCode
from tiktok.results import Refused
from uploader_service.decisions import decide
from uploader_service.effects import AskCreator, AskStatus, Init, Probe, SendChunk, wanted_by
from uploader_service.facts import (
    AccountSeen,
    ChunkDeclined,
    ChunkStored,
    CreatorTold,
    CredentialSeen,
    Declined,
    Fact,
    Illegible,
    InitDone,
    Located,
    NeverSent,
    NoCredential,
    Problem,
    Requested,
    Returned,
    SourceBroke,
    SourceFound,
    SourceUnusable,
    TakenOver,
    TicketUnreadable,
    Unanswered,
)
from uploader_service.states import (
    Asking,
    AwaitingCredential,
    Ending,
    Finished,
    HandedOver,
    Initialising,
    Job,
    Locating,
    Media,
    Parked,
    Post,
    Probing,
    Ticket,
    Uploading,
    Waiting,
    Working,
    digest_of,
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
JOB = Job(request=REQUEST, digest=digest_of(REQUEST), not_after=NOW + timedelta(hours=24), revision=1)
SMALL = Media(size=5_000_000, validator="v1", content_type="video/mp4")
LARGE = Media(size=75_000_000, validator="v1", content_type="video/mp4")
"""Seven chunks: six of 10,000,000 bytes and a last one of 15,000,000."""

LAST = 6
TICKET = Ticket(publish_id="p1", sealed_url="sealed", opened_at=NOW)

PARKED = Parked(job=JOB, since=NOW)
PROBING = Probing(job=JOB)
ASKING = Asking(job=JOB, media=LARGE)
INITIALISING = Initialising(job=JOB, media=LARGE)
UPLOADING = Uploading(job=JOB, media=LARGE, ticket=TICKET, next_chunk=2, last_chunk_may_have_left=False)
LAST_CHUNK = Uploading(job=JOB, media=LARGE, ticket=TICKET, next_chunk=LAST, last_chunk_may_have_left=True)
LOCATING = Locating(job=JOB, media=LARGE, ticket=TICKET, last_chunk_may_have_left=False)
LOCATING_LAST = Locating(job=JOB, media=LARGE, ticket=TICKET, last_chunk_may_have_left=True)
WAITING = Waiting(until=NOW + timedelta(minutes=1), reason=DelayReason.TIKTOK, then=PROBING)
AWAITING = AwaitingCredential(newer_than=3, then=ASKING)
HANDED_OVER = HandedOver(job=JOB, publish_id="p1", at=NOW)
FAILED = Finished(tenant="t1", digest=JOB.digest, revision=4, ending=Ending.FAILED, at=NOW)
FORGOTTEN = Finished(tenant="t1", digest=JOB.digest, revision=4, ending=Ending.HANDED_OVER, at=NOW)

WORKING: tuple[Working, ...] = (PROBING, ASKING, INITIALISING, UPLOADING, LAST_CHUNK, LOCATING, LOCATING_LAST)
STATES: tuple[Post, ...] = (*WORKING, PARKED, WAITING, AWAITING, HANDED_OVER, FAILED, FORGOTTEN)

TEMPORARY = Problem(reason=FailureReason.SOURCE_UNAVAILABLE, message="later", temporary=True)
GONE = Problem(reason=FailureReason.SOURCE_UNAVAILABLE, message="HTTP 404", temporary=False)
P = TypeVar("P", Probing, Asking, Initialising, Uploading, Locating)
E = TypeVar("E", bound=Body)


def requested_effect(state: Working) -> Any:
    """The effect the state wants: what an outcome has to carry to count."""
    return wanted_by(state)


def refused(code: str, status: int = 400) -> Refused:
    return Refused(status=status, code=code, message="no", log_id="log")


def declined(state: Working, code: str, version: int = 3) -> Declined:
    return Declined(of=requested_effect(state), refused=refused(code), version=version)


def chunk_declined(state: Working, code: str) -> ChunkDeclined:
    return ChunkDeclined(of=requested_effect(state), refused=refused(code))


def creator_info(state: Working, **changes: Any) -> CreatorTold:
    flags = {"comment_disabled": False, "duet_disabled": False, "stitch_disabled": False} | changes
    levels = flags.pop("levels", ("PUBLIC_TO_EVERYONE", "SELF_ONLY"))
    return CreatorTold(of=requested_effect(state), privacy_levels=levels, **flags)


def stored(state: Working, *, complete: bool = False) -> ChunkStored:
    return ChunkStored(of=requested_effect(state), complete=complete)


def status_result(
    state: Working, uploaded: int | None, status: StatusCode = StatusCode.PROCESSING_UPLOAD, why: str = ""
) -> Located:
    return Located(of=requested_effect(state), status=status, fail_reason=why, uploaded_bytes=uploaded)


def with_job(state: P, **changes: Any) -> P:
    return replace(state, job=replace(state.job, **changes))


def results_of(effect: Any) -> tuple[Fact, ...]:
    """Every outcome that an effect may have, of each kind one."""
    calls: tuple[Fact, ...] = ()
    if isinstance(effect, AskCreator | Init | AskStatus):
        calls = (
            Declined(of=effect, refused=refused("internal_error"), version=3),
            NeverSent(of=effect, reason="no route"),
            Unanswered(of=effect, reason="reset"),
            NoCredential(of=effect, version=3),
        )
    match effect:
        case Probe():
            media = SourceFound(of=effect, media=LARGE)
            return media, SourceUnusable(of=effect, problem=TEMPORARY), SourceUnusable(of=effect, problem=GONE)
        case SendChunk():
            return (
                ChunkStored(of=effect, complete=effect.chunk == LAST),
                ChunkDeclined(of=effect, refused=refused("upload_out_of_step")),
                SourceBroke(of=effect, problem=TEMPORARY),
                NeverSent(of=effect, reason="no route"),
                Unanswered(of=effect, reason="reset"),
                TicketUnreadable(of=effect),
                TicketUnreadable(of=effect, nothing_left=True),
                SourceBroke(of=effect, problem=GONE),
                SourceBroke(of=effect, problem=GONE, nothing_left=True),
                TakenOver(of=effect),
            )
        case AskCreator():
            levels = ("PUBLIC_TO_EVERYONE",)
            flags = {"comment_disabled": False, "duet_disabled": False, "stitch_disabled": False}
            return CreatorTold(of=effect, privacy_levels=levels, **flags), *calls
        case Init():
            return InitDone(of=effect, publish_id="p1", sealed_url="sealed"), *calls
        case AskStatus():
            return (
                Located(of=effect, status=StatusCode.PROCESSING_UPLOAD, fail_reason="", uploaded_bytes=10_000_000),
                *calls,
            )
        case _:
            message = f"no outcomes for {effect}"
            raise AssertionError(message)


INPUTS: tuple[Fact | Due, ...] = (
    Requested(request=REQUEST, recorded_at=NOW),
    Requested(request=replace(REQUEST, caption="A dog"), recorded_at=NOW),
    Illegible(tenant="t1", message="not JSON", digest="other"),
    Returned(attempt=1, revision=9, code="internal", message=""),
    AccountSeen("t1"),
    CredentialSeen(4),
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
