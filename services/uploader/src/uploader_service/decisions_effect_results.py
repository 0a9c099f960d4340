"""What becomes of a post when an effect has ended: one function for each kind of effect."""

from datetime import timedelta

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.body import Body
from common.contract.post import DelayReason, FailureReason
from common.streams import Decision
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.limits import MAX_VIDEO_BYTES
from tiktok.models import StatusCode
from uploader_service import service
from uploader_service.decisions_requests import creator_fault_of
from uploader_service.effects import AskCreator, AskStatus, Init, Probe, SendChunk, wanted_by
from uploader_service.facts import (
    CallFailure,
    ChunkDeclined,
    ChunkOutcome,
    ChunkStored,
    CreatorTold,
    Declined,
    InitDone,
    Located,
    NeverSent,
    NoCredential,
    Outcome,
    ProbeOutcome,
    Problem,
    SourceBroke,
    SourceFound,
    SourceUnusable,
    TakenOver,
    TicketUnreadable,
    Unanswered,
)
from uploader_service.states import (
    Asking,
    Calls,
    Initialising,
    Locating,
    Media,
    Post,
    Probing,
    Ticket,
    Uploading,
    Working,
    url_is_past_its_life,
)
from uploader_service.transitions import (
    after,
    await_credential,
    fail,
    hand_over,
    keep,
    locate,
    next_attempt,
    progress,
    send_from,
    try_again,
    unchanged,
    wait,
)

RATE_PAUSE = timedelta(seconds=65)
"""TikTok asks for a minute after `rate_limit_exceeded`."""

DAILY_PAUSE = timedelta(hours=1)
PROOF_PAUSE = timedelta(seconds=30)
PROGRESS_EVERY = timedelta(seconds=1)
ANSWERS_TO_PROVE = 2
ANOTHER_ATTEMPT_HELPS = frozenset({"internal", "spam_risk_too_many_posts"})
"""TikTok's reasons for giving up that say nothing against the post itself."""


def settle(state: Post | None, outcome: Outcome, now: UtcDatetime) -> Decision[Post]:
    """Take in an outcome, if it is of the effect that the state wants; otherwise it is late and changes nothing."""
    if not isinstance(state, Working) or wanted_by(state) != outcome.of:
        return unchanged(state)
    return _settle(replace(state, job=replace(state.job, calls=_counted(state.job.calls, outcome, now))), outcome, now)


def _settle(state: Working, outcome: Outcome, now: UtcDatetime) -> Decision[Post]:
    if isinstance(state, Probing) and isinstance(outcome, ProbeOutcome):
        return probed(state, outcome, now)
    if isinstance(state, Asking) and isinstance(outcome, CreatorTold | CallFailure):
        return asked(state, outcome, now)
    if isinstance(state, Initialising) and isinstance(outcome, InitDone | CallFailure):
        return initialised(state, outcome, now)
    if isinstance(state, Uploading) and isinstance(outcome, ChunkOutcome):
        return sent(state, outcome, now)
    if isinstance(state, Locating) and isinstance(outcome, Located | CallFailure):
        return located(state, outcome, now)
    return unchanged(state)


def _counted(calls: Calls, outcome: Outcome, now: UtcDatetime) -> Calls:
    if isinstance(outcome, NeverSent | NoCredential):
        return calls
    match outcome.of:
        case Init():
            return calls.init_at(now)
        case AskCreator():
            return calls.creator_at(now)
        case AskStatus():
            return calls.status_at(now)
        case Probe() | SendChunk():
            return calls


def probed(state: Probing, outcome: ProbeOutcome, now: UtcDatetime) -> Decision[Post]:
    """Judge the source."""
    match outcome:
        case SourceFound(media=Media(size=size)) if size > MAX_VIDEO_BYTES:
            message = f"source.url: the file has {size} bytes, TikTok takes at most {MAX_VIDEO_BYTES}"
            return fail(state.job, FailureReason.SOURCE_TOO_LARGE, message, now)
        case SourceFound(media=media):
            return keep(Asking(job=state.job.well(), media=media))
        case SourceUnusable(problem=Problem(temporary=True, message=message)):
            return try_again(state, DelayReason.SOURCE, message, now)
        case SourceUnusable(problem=problem):
            return fail(state.job, problem.reason, problem.message, now)


def asked(state: Asking, outcome: CreatorTold | CallFailure, now: UtcDatetime) -> Decision[Post]:
    """Judge whether the creator may post this now."""
    match outcome:
        case CreatorTold():
            fault = creator_fault_of(
                state.job.request,
                privacy_levels=outcome.privacy_levels,
                comment_disabled=outcome.comment_disabled,
                duet_disabled=outcome.duet_disabled,
                stitch_disabled=outcome.stitch_disabled,
            )
            if fault is not None:
                return fail(state.job, FailureReason.INVALID_REQUEST, fault, now)
            return keep(Initialising(job=state.job.well(), media=state.media))
        case NeverSent(reason=reason) | Unanswered(reason=reason):
            return try_again(state, DelayReason.TIKTOK, reason, now)
        case NoCredential(version=version):
            return await_credential(state, version, "there is no usable access token", now)
        case Declined():
            return declined(state, outcome, now)


def initialised(state: Initialising, outcome: InitDone | CallFailure, now: UtcDatetime) -> Decision[Post]:
    """Begin to send. Where the answer was lost, begin another attempt: the lost one has no bytes to publish."""
    match outcome:
        case InitDone():
            opened = Uploading(
                job=state.job.well(),
                media=state.media,
                ticket=Ticket(publish_id=outcome.publish_id, sealed_url=outcome.sealed_url, opened_at=now),
                next_chunk=0,
                last_chunk_may_have_left=False,
            )
            return send_from(opened, 0, now)
        case NeverSent(reason=reason):
            return try_again(state, DelayReason.TIKTOK, reason, now)
        case Unanswered(reason=reason):
            lost = replace(state.job, lost=state.job.lost + 1)
            return next_attempt(lost, f"TikTok's answer to init was lost: {reason}", now)
        case NoCredential(version=version):
            return await_credential(state, version, "there is no usable access token", now)
        case Declined():
            return declined(state, outcome, now)


def sent(state: Uploading, outcome: ChunkOutcome, now: UtcDatetime) -> Decision[Post]:
    """Go on to the next chunk, or find out where TikTok is."""
    match outcome:
        case ChunkStored(complete=complete):
            return _stored(state, complete=complete, now=now)
        case ChunkDeclined():
            return chunk_declined(state, outcome, now)
        case SourceBroke(problem=problem, nothing_left=nothing_left):
            return _source_broke(state, problem, now, dead=_cannot_publish(state, nothing_left=nothing_left))
        case NeverSent() | Unanswered():
            return _no_answer(state, outcome, now)
        case TicketUnreadable(nothing_left=nothing_left):
            return _ticket_unreadable(state, now, dead=_cannot_publish(state, nothing_left=nothing_left))
        case TakenOver():
            return keep(replace(state, taken_over=True))


def _no_answer(state: Uploading, outcome: NeverSent | Unanswered, now: UtcDatetime) -> Decision[Post]:
    if isinstance(outcome, Unanswered):
        return locate(state, outcome.reason, now)
    if state.last_chunk_may_have_left and url_is_past_its_life(state.ticket, now):
        return locate(state, outcome.reason, now, unsendable=True)
    return try_again(state, DelayReason.TIKTOK, outcome.reason, now)


def _cannot_publish(state: Uploading, *, nothing_left: bool) -> bool:
    """Whether no process can have sent the last chunk: one that took over may have, and have died before saying so."""
    return not state.last_chunk_may_have_left or (nothing_left and not state.taken_over)


def _ticket_unreadable(state: Uploading, now: UtcDatetime, *, dead: bool) -> Decision[Post]:
    message = "the upload url was sealed for another key"
    return next_attempt(state.job, message, now) if dead else locate(state, message, now, unsendable=True)


def _stored(state: Uploading, *, complete: bool, now: UtcDatetime) -> Decision[Post]:
    well = replace(state, job=state.job.well())
    plan = state.media.plan
    if complete != (state.next_chunk == plan.count - 1):
        return locate(state, "TikTok counts other chunks than we do", now)
    if complete:
        return hand_over(well, now)
    if state.progress_told_at is not None and now - state.progress_told_at < PROGRESS_EVERY:
        return send_from(well, state.next_chunk + 1, now)
    told = replace(well, progress_told_at=now)
    sample: tuple[Body, ...] = (progress(well, plan.first(state.next_chunk + 1), now),)
    return after(sample, send_from(told, state.next_chunk + 1, now))


def _source_broke(state: Uploading, problem: Problem, now: UtcDatetime, *, dead: bool) -> Decision[Post]:
    if dead and not problem.temporary:
        return fail(state.job, problem.reason, problem.message, now)
    unsendable = not problem.temporary or url_is_past_its_life(state.ticket, now)
    return locate(state, problem.message, now, reason=DelayReason.SOURCE, unsendable=unsendable)


def chunk_declined(state: Uploading, outcome: ChunkDeclined, now: UtcDatetime) -> Decision[Post]:
    """Replace a dead id as long as the last chunk cannot have left; after that, find out and never guess."""
    refused = outcome.refused
    marked = state.last_chunk_may_have_left
    match retry_advice(refused):
        case RetryAdvice.RATE_LIMITED:
            return wait(state, now + RATE_PAUSE, DelayReason.RATE_LIMIT, refused.message, now)
        case RetryAdvice.MISCONFIGURED | RetryAdvice.TRANSIENT:
            return try_again(state, DelayReason.TIKTOK, refused.message, now)
        case RetryAdvice.NEW_UPLOAD if not marked:
            return next_attempt(state.job, refused.message, now)
        case RetryAdvice.NEW_UPLOAD:
            return locate(state, refused.message, now, refused_late=url_is_past_its_life(state.ticket, now))
        case RetryAdvice.TOKEN_REJECTED | RetryAdvice.RECONSENT | RetryAdvice.WAIT_LONG | RetryAdvice.PERMANENT if (
            not marked
        ):
            return fail(state.job, FailureReason.REFUSED_BY_TIKTOK, refused.message, now, refused.code)
        case (
            RetryAdvice.RESYNC
            | RetryAdvice.TOKEN_REJECTED
            | RetryAdvice.RECONSENT
            | RetryAdvice.WAIT_LONG
            | RetryAdvice.PERMANENT
        ):
            return locate(state, refused.message, now)


def declined(state: Asking | Initialising | Locating, outcome: Declined, now: UtcDatetime) -> Decision[Post]:
    """What TikTok's refusal of a call means, by its code."""
    refused = outcome.refused
    match retry_advice(refused):
        case RetryAdvice.TOKEN_REJECTED:
            return _token_rejected(state, outcome, now)
        case RetryAdvice.RATE_LIMITED:
            return wait(state, now + RATE_PAUSE, DelayReason.RATE_LIMIT, _words(outcome), now)
        case RetryAdvice.WAIT_LONG if not isinstance(state, Locating):
            then = Asking(job=state.job, media=state.media)
            return wait(then, now + DAILY_PAUSE, DelayReason.DAILY_LIMIT, _words(outcome), now)
        case RetryAdvice.TRANSIENT | RetryAdvice.WAIT_LONG:
            return try_again(state, DelayReason.TIKTOK, _words(outcome), now)
        case (
            RetryAdvice.RECONSENT
            | RetryAdvice.NEW_UPLOAD
            | RetryAdvice.RESYNC
            | RetryAdvice.MISCONFIGURED
            | RetryAdvice.PERMANENT
        ):
            return _refused_for_good(state, outcome, now)


def _words(outcome: Declined) -> str:
    refused = outcome.refused
    return f"{refused.code}: {refused.message}" if refused.message else refused.code


def _token_rejected(state: Asking | Initialising | Locating, outcome: Declined, now: UtcDatetime) -> Decision[Post]:
    rejected = TokenRejected(
        account_id=state.job.request.account_id,
        version=outcome.version,
        code=outcome.refused.code,
        service=service.NAME,
        at=now,
    )
    struck = replace(state, job=state.job.struck())
    return await_credential(struck, outcome.version, "TikTok refused the access token", now, rejected)


def _refused_for_good(state: Asking | Initialising | Locating, outcome: Declined, now: UtcDatetime) -> Decision[Post]:
    refused = outcome.refused
    match state:
        case Asking():
            return fail(state.job, FailureReason.CREATOR_CANNOT_POST, _words(outcome), now, refused.code)
        case Initialising():
            return fail(state.job, FailureReason.REFUSED_BY_TIKTOK, _words(outcome), now, refused.code)
        case Locating(last_chunk_may_have_left=True):
            return try_again(state, DelayReason.TIKTOK, _words(outcome), now)
        case Locating():
            return next_attempt(state.job, _words(outcome), now)


def located(state: Locating, outcome: Located | CallFailure, now: UtcDatetime) -> Decision[Post]:
    """Go on where TikTok is, or hand over what it has whole."""
    match outcome:
        case Located():
            return _located(state, outcome, now)
        case NeverSent(reason=reason) | Unanswered(reason=reason):
            return try_again(state, DelayReason.TIKTOK, reason, now)
        case NoCredential(version=version):
            return await_credential(state, version, "there is no usable access token", now)
        case Declined():
            return declined(state, outcome, now)


def _located(state: Locating, outcome: Located, now: UtcDatetime) -> Decision[Post]:
    match outcome.status:
        case StatusCode.FAILED:
            return _given_up(state, outcome.fail_reason, now)
        case StatusCode.PUBLISH_COMPLETE | StatusCode.SEND_TO_USER_INBOX:
            return hand_over(state, now)
        case StatusCode.PROCESSING_UPLOAD if outcome.uploaded_bytes is not None and outcome.uploaded_bytes >= 0:
            return _stored_so_far(state, outcome.uploaded_bytes, now)
        case StatusCode.PROCESSING_UPLOAD if not state.last_chunk_may_have_left:
            return next_attempt(state.job, "TikTok did not say how many bytes it has", now)
        case StatusCode.PROCESSING_UPLOAD | StatusCode.PROCESSING_DOWNLOAD | StatusCode.UNRECOGNISED:
            return try_again(state, DelayReason.TIKTOK, "TikTok did not say how many bytes it has", now)


def _given_up(state: Locating, reason: str, now: UtcDatetime) -> Decision[Post]:
    if reason in ANOTHER_ATTEMPT_HELPS:
        return next_attempt(state.job, f"TikTok gave the attempt up: {reason}", now)
    return fail(state.job, FailureReason.REFUSED_BY_TIKTOK, f"TikTok gave the post up: {reason}", now, reason)


def _stored_so_far(state: Locating, stored: int, now: UtcDatetime) -> Decision[Post]:
    if stored >= state.media.size:
        return hand_over(state, now)
    plan = state.media.plan
    if state.last_chunk_may_have_left:
        return _fewer_after_the_last(state, stored, now)
    if not plan.is_edge(stored):
        return next_attempt(state.job, f"TikTok stopped at byte {stored}, which begins no chunk", now)
    return send_from(state, plan.index_at(stored), now)


def _fewer_after_the_last(state: Locating, stored: int, now: UtcDatetime) -> Decision[Post]:
    """TikTok has not all bytes although the last chunk may have left: resend, or prove that the attempt is dead."""
    plan = state.media.plan
    sendable = not state.unsendable and now < state.job.not_after
    past_its_life = url_is_past_its_life(state.ticket, now)
    if state.refused_late or (past_its_life and not sendable):
        return _prove_dead(state, now)
    if sendable and plan.is_edge(stored):
        return send_from(state, plan.index_at(stored), now)
    if sendable and past_its_life:
        # Nothing can be stored any more; the refusal of this send is the proof that is still missing.
        return send_from(state, plan.count - 1, now)
    return try_again(state, DelayReason.TIKTOK, f"TikTok has {stored} of {state.media.size} bytes", now)


def _prove_dead(state: Locating, now: UtcDatetime) -> Decision[Post]:
    """The url is dead and bytes are missing. One answer may have been on its way for long; two in a row were not."""
    fewer = state.fewer + 1
    if fewer >= ANSWERS_TO_PROVE:
        return next_attempt(state.job, "the upload ended without all bytes", now)
    then = replace(state, fewer=fewer)
    return wait(then, now + PROOF_PAUSE, DelayReason.TIKTOK, "the upload url is dead and TikTok misses bytes", now)
