"""An opened attempt: the results of its chunks and status queries, and the proof that it is dead.

Why an attempt must not be replaced on a guess once its last chunk may have left: `docs/delivery.md`, "The protocol".
"""

from datetime import timedelta

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.post import DelayReason, FailureReason
from common.streams import Decision
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import StatusCode
from uploader_service import facts, states, transitions
from uploader_service.states import Post, last_chunk_may_have_left, url_has_expired
from uploader_service.transitions import become, fail, hand_over, next_attempt, query_offset, retry, send_from, wait

PROOF_PAUSE = timedelta(seconds=30)
"""Time between the two answers of a proof: TikTok's status lags behind what it has stored."""

PROGRESS_INTERVAL = timedelta(seconds=1)
"""Least time between two samples of progress. A fast upload would otherwise publish one for each chunk."""

ANSWERS_TO_PROVE = 2
RETRYABLE_FAIL_REASONS = frozenset({"internal", "spam_risk_too_many_posts"})
"""TikTok's reasons to give an attempt up that say nothing against the post itself."""


def on_chunk(state: states.Uploading, result: facts.ChunkResult, now: UtcDatetime) -> Decision[Post]:
    """Go on to the next chunk, or ask TikTok where it is."""
    match result:
        case facts.ChunkStored(complete=complete):
            return _on_stored(state, complete=complete, now=now)
        case facts.ChunkRefused():
            return on_chunk_refused(state, result, now)
        case facts.SourceInterrupted():
            return _on_source_interrupted(state, result, now)
        case facts.RequestNotSent() | facts.ResultUnknown():
            return _on_no_answer(state, result, now)
        case facts.UploadUrlUnreadable():
            return _on_url_unreadable(state, result, now)
        case facts.TakenOver():
            # No event: the state requests the same chunk again, now with the mark that it was taken over.
            return become(replace(state, taken_over=True))


def _on_no_answer(
    state: states.Uploading, result: facts.RequestNotSent | facts.ResultUnknown, now: UtcDatetime
) -> Decision[Post]:
    # The chunk may be stored, and sending it again would then get a 416. So TikTok is asked first.
    if isinstance(result, facts.ResultUnknown):
        return query_offset(state, result.reason, now)
    if state.last_chunk_may_have_left and url_has_expired(state.session, now):
        # Waiting for a connection is pointless: TikTok would only refuse the chunk.
        return transitions.query_unsendable(state, result.reason, now)
    return retry(state, DelayReason.TIKTOK, result.reason, now)


def _on_stored(state: states.Uploading, *, complete: bool, now: UtcDatetime) -> Decision[Post]:
    succeeded = replace(state, progress=state.progress.with_failures_cleared())
    plan = state.media.plan
    # The file is complete too early or too late: the two sides disagree about its chunks.
    if complete != (state.next_chunk == plan.count - 1):
        return query_offset(state, "TikTok counts other chunks than the uploader.", now)
    if complete:
        return hand_over(succeeded, now)
    following = state.next_chunk + 1
    if state.progress_published_at is not None and now - state.progress_published_at < PROGRESS_INTERVAL:
        return send_from(succeeded, following, now)
    sample: tuple[Body, ...] = (transitions.progress_sample(succeeded, plan.first(following), now),)
    sampled = replace(succeeded, progress_published_at=now)
    return transitions.with_earlier_events(sample, send_from(sampled, following, now))


def _on_source_interrupted(
    state: states.Uploading, result: facts.SourceInterrupted, now: UtcDatetime
) -> Decision[Post]:
    """Fail the post if its source is gone and it cannot be out.

    Otherwise TikTok is asked what it has.
    """
    fault = result.fault
    if not fault.temporary and _cannot_publish(state, last_chunk_never_left=result.last_chunk_never_left):
        return fail(state.progress, fault.reason, fault.message, now)
    if not fault.temporary or url_has_expired(state.session, now):
        return transitions.query_unsendable(state, fault.message, now, reason=DelayReason.SOURCE)
    return query_offset(state, fault.message, now, reason=DelayReason.SOURCE)


def _on_url_unreadable(state: states.Uploading, result: facts.UploadUrlUnreadable, now: UtcDatetime) -> Decision[Post]:
    message = "The upload URL was sealed for another key of the uploader."
    if _cannot_publish(state, last_chunk_never_left=result.last_chunk_never_left):
        return next_attempt(state.progress, message, now)
    return transitions.query_unsendable(state, message, now)


def _cannot_publish(state: states.Uploading, *, last_chunk_never_left: bool) -> bool:
    """Return whether no process can have sent the last chunk.

    `last_chunk_never_left` speaks for one process. If another took the attempt over, that one may have sent the chunk
    and died before its result was committed.
    """
    return not state.last_chunk_may_have_left or (last_chunk_never_left and not state.taken_over)


def on_chunk_refused(state: states.Uploading, result: facts.ChunkRefused, now: UtcDatetime) -> Decision[Post]:
    """Replace a dead attempt while its last chunk cannot have left. After that ask TikTok, and never guess."""
    refused = result.refused
    marked = state.last_chunk_may_have_left
    match retry_advice(refused):
        case RetryAdvice.RATE_LIMITED:
            return wait(state, now + transitions.RATE_LIMIT_PAUSE, DelayReason.RATE_LIMIT, refused.message, now)
        case RetryAdvice.MISCONFIGURED | RetryAdvice.TRANSIENT:
            return retry(state, DelayReason.TIKTOK, refused.message, now)
        case RetryAdvice.NEW_UPLOAD if not marked:
            # TikTok no longer knows the upload, and the last chunk never left: it can be replaced at once.
            return next_attempt(state.progress, refused.message, now)
        case RetryAdvice.NEW_UPLOAD if url_has_expired(state.session, now):
            # The first half of the proof: no byte can arrive after this refusal.
            return transitions.query_refused_url(state, refused.message, now)
        case RetryAdvice.TOKEN_REJECTED | RetryAdvice.RECONSENT | RetryAdvice.WAIT_LONG | RetryAdvice.PERMANENT if (
            not marked
        ):
            return fail(state.progress, FailureReason.REFUSED_BY_TIKTOK, refused.message, now, refused.code)
        case (
            RetryAdvice.NEW_UPLOAD
            | RetryAdvice.RESYNC
            | RetryAdvice.TOKEN_REJECTED
            | RetryAdvice.RECONSENT
            | RetryAdvice.WAIT_LONG
            | RetryAdvice.PERMANENT
        ):
            return query_offset(state, refused.message, now)


def on_status(state: states.QueryingState, result: facts.StatusReceived, now: UtcDatetime) -> Decision[Post]:
    """Continue where TikTok is, or hand over what it has in full."""
    message = "TikTok did not report how many bytes it has."
    match result.status:
        case StatusCode.FAILED:
            return _on_failed(state, result.fail_reason, now)
        # TikTok has every byte. The verdict itself is the publisher's, which asks again.
        case StatusCode.PUBLISH_COMPLETE | StatusCode.SEND_TO_USER_INBOX:
            return hand_over(state, now)
        case StatusCode.PROCESSING_UPLOAD if result.uploaded_bytes is not None and result.uploaded_bytes >= 0:
            return _on_stored_bytes(state, result.uploaded_bytes, now)
        case StatusCode.PROCESSING_UPLOAD if not last_chunk_may_have_left(state):
            # Without an offset the upload cannot continue, and replacing it is free before the mark.
            return next_attempt(state.progress, message, now)
        case StatusCode.PROCESSING_UPLOAD | StatusCode.PROCESSING_DOWNLOAD | StatusCode.UNRECOGNISED:
            return retry(state, DelayReason.TIKTOK, message, now)


def _on_failed(state: states.QueryingState, reason: str, now: UtcDatetime) -> Decision[Post]:
    # TikTok's own FAILED is proof enough, even after the last chunk.
    if reason in RETRYABLE_FAIL_REASONS:
        return next_attempt(state.progress, f"TikTok gave the attempt up: {reason}", now)
    message = f"TikTok gave the post up: {reason}."
    return fail(state.progress, FailureReason.REFUSED_BY_TIKTOK, message, now, reason)


def _on_stored_bytes(state: states.QueryingState, stored: int, now: UtcDatetime) -> Decision[Post]:
    # Every byte is there, so the lost answer was a success.
    if stored >= state.media.size:
        return hand_over(state, now)
    match state:
        case states.QueryingBeforeLastChunk():
            return _continue_or_replace(state, stored, now)
        case states.QueryingAfterLastChunk():
            return _resend_or_prove(state, stored, now)
        case states.QueryingUnsendable() if not url_has_expired(state.session, now):
            return _retry_incomplete(state, stored, now)
        case states.QueryingUnsendable():
            return _prove_dead(_proving(state), now)
        case states.ProvingDead():
            return _prove_dead(state, now)


def _continue_or_replace(state: states.QueryingBeforeLastChunk, stored: int, now: UtcDatetime) -> Decision[Post]:
    plan = state.media.plan
    if not plan.is_edge(stored):
        return next_attempt(state.progress, f"TikTok stopped at byte {stored}, where no chunk begins.", now)
    return send_from(state, plan.index_at(stored), now)


def _resend_or_prove(state: states.QueryingAfterLastChunk, stored: int, now: UtcDatetime) -> Decision[Post]:
    """Send what is missing. If nothing may be sent after `not_after`, prove that the attempt is dead."""
    plan = state.media.plan
    expired = url_has_expired(state.session, now)
    sendable = now < state.progress.not_after
    if expired and not sendable:
        return _prove_dead(_proving(state), now)
    # TikTok keeps whole chunks only; within a chunk there is no way to continue.
    if sendable and plan.is_edge(stored):
        return send_from(state, plan.index_at(stored), now)
    if sendable and expired:
        # Nothing can be stored any longer; TikTok's refusal of this send is the missing half of the proof.
        return send_from(state, plan.count - 1, now)
    return _retry_incomplete(state, stored, now)


def _retry_incomplete(state: states.QueryingState, stored: int, now: UtcDatetime) -> Decision[Post]:
    message = f"TikTok has {stored} of {state.media.size} bytes."
    return retry(state, DelayReason.TIKTOK, message, now)


def _proving(state: states.QueryingAfterLastChunk | states.QueryingUnsendable) -> states.ProvingDead:
    return states.ProvingDead(progress=state.progress, media=state.media, session=state.session)


def _prove_dead(state: states.ProvingDead, now: UtcDatetime) -> Decision[Post]:
    """Count an answer that reports missing bytes although none can arrive any longer.

    One such answer may be older than the last bytes, as TikTok's status lags behind. A second one, 30 seconds later,
    is taken for the truth.
    """
    answers = state.incomplete_answers + 1
    if answers >= ANSWERS_TO_PROVE:
        return next_attempt(state.progress, "The upload ended without all bytes.", now)
    message = (
        "The upload URL has expired and TikTok reports fewer bytes than the file has; "
        "checking once more before starting a new attempt."
    )
    return wait(replace(state, incomplete_answers=answers), now + PROOF_PAUSE, DelayReason.TIKTOK, message, now)
