"""Results of effects: which decision each one leads to, and what TikTok's refusals of calls mean.

`on_effect_result` pairs states with results. Each of its parts names all states or all results, so mypy reports a
new one that is not paired yet. The decisions about chunks and upload offsets are in `decisions_upload.py`.
"""

from datetime import timedelta

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.post import DelayReason, FailureReason
from common.streams import Decision
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.limits import MAX_VIDEO_BYTES
from uploader_service import decisions_upload, effects, facts, service, states, transitions
from uploader_service.decisions_requests import creator_restriction
from uploader_service.plans import requested_effect
from uploader_service.states import CallTimes, Post, PostProgress
from uploader_service.transitions import await_credential, become, fail, next_attempt, retry, unchanged, wait

DAILY_LIMIT_PAUSE = timedelta(hours=1)


def on_effect_result(state: Post | None, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    """Take a result in, if it is of the effect that the state requests; otherwise it is late and changes nothing."""
    match state:
        case None | states.AwaitingAccount() | states.Paused() | states.HandedOver() | states.Finished():
            return unchanged(state)
        case states.Working():
            if requested_effect(state) != result.of:
                return unchanged(state)
            # First, since a refused or lost call used up quota, too.
            calls = _with_call(state.progress.calls, result, now)
            return _settle(replace(state, progress=replace(state.progress, calls=calls)), result, now)


def _with_call(calls: CallTimes, result: facts.EffectResult, now: UtcDatetime) -> CallTimes:
    """Record the call for its quota. A call without an answer counts: TikTok may have counted it."""
    if isinstance(result, facts.RequestNotSent | facts.NoCredential):
        return calls
    match result.of:
        case effects.InitVideoUpload():
            return calls.with_init(now)
        case effects.QueryCreator():
            return calls.with_creator_query(now)
        case effects.QueryStatus():
            return calls.with_status_query(now)
        case effects.ProbeSource() | effects.SendChunk():
            return calls


def _settle(state: states.WorkingState, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    """Pair the state with the results that its effect can have.

    The effect was compared before, so the last `case` of each part below is never reached. It names the results of
    other effects for mypy: a new class of results belongs to no part until it is written into one.
    """
    match state:
        case states.Probing():
            return _settle_probe(state, result, now)
        case states.CheckingCreator():
            return _settle_creator_query(state, result, now)
        case states.Initialising():
            return _settle_init(state, result, now)
        case states.Uploading():
            return _settle_chunk(state, result, now)
        case (
            states.QueryingBeforeLastChunk()
            | states.QueryingAfterLastChunk()
            | states.QueryingUnsendable()
            | states.ProvingDead()
        ):
            return _settle_status_query(state, result, now)


def _settle_probe(state: states.Probing, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    match result:
        case facts.SourceFound() | facts.SourceUnusable():
            return on_probe(state, result, now)
        case facts.CreatorInfoReceived() | facts.InitDone() | facts.StatusReceived() | facts.ChunkEnded():
            return unchanged(state)
        case facts.CallRefused() | facts.NoCredential() | facts.RequestNotSent() | facts.ResultUnknown():
            return unchanged(state)


def _settle_creator_query(
    state: states.CheckingCreator, result: facts.EffectResult, now: UtcDatetime
) -> Decision[Post]:
    match result:
        case facts.CreatorInfoReceived():
            return on_creator_info(state, result, now)
        case facts.RequestNotSent(reason=reason) | facts.ResultUnknown(reason=reason):
            return retry(state, DelayReason.TIKTOK, reason, now)
        case facts.NoCredential() | facts.CallRefused():
            return on_call_failure(state, result, now)
        case facts.SourceFound() | facts.SourceUnusable() | facts.InitDone():
            return unchanged(state)
        case facts.StatusReceived() | facts.ChunkEnded():
            return unchanged(state)


def _settle_init(state: states.Initialising, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    match result:
        case facts.InitDone():
            return on_init_done(state, result, now)
        case facts.RequestNotSent(reason=reason):
            return retry(state, DelayReason.TIKTOK, reason, now)
        case facts.ResultUnknown(reason=reason):
            return on_init_unanswered(state.progress, requested_effect(state), reason, now)
        case facts.NoCredential() | facts.CallRefused():
            return on_call_failure(state, result, now)
        case facts.SourceFound() | facts.SourceUnusable() | facts.CreatorInfoReceived():
            return unchanged(state)
        case facts.StatusReceived() | facts.ChunkEnded():
            return unchanged(state)


def _settle_chunk(state: states.Uploading, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    match result:
        case facts.ChunkEnded() | facts.RequestNotSent() | facts.ResultUnknown():
            return decisions_upload.on_chunk(state, result, now)
        case facts.SourceFound() | facts.SourceUnusable() | facts.CreatorInfoReceived() | facts.InitDone():
            return unchanged(state)
        case facts.StatusReceived() | facts.CallRefused() | facts.NoCredential():
            return unchanged(state)


def _settle_status_query(state: states.QueryingState, result: facts.EffectResult, now: UtcDatetime) -> Decision[Post]:
    match result:
        case facts.StatusReceived():
            return decisions_upload.on_status(state, result, now)
        case facts.RequestNotSent(reason=reason) | facts.ResultUnknown(reason=reason):
            return retry(state, DelayReason.TIKTOK, reason, now)
        case facts.NoCredential() | facts.CallRefused():
            return on_call_failure(state, result, now)
        case facts.SourceFound() | facts.SourceUnusable() | facts.CreatorInfoReceived():
            return unchanged(state)
        case facts.InitDone() | facts.ChunkEnded():
            return unchanged(state)


def on_probe(state: states.Probing, result: facts.ProbeResult, now: UtcDatetime) -> Decision[Post]:
    """Go on to the creator check if the source can be posted."""
    match result:
        case facts.SourceFound(media=states.Media(size=size)) if size > MAX_VIDEO_BYTES:
            message = f"source.url: The file has {size} bytes; TikTok takes at most {MAX_VIDEO_BYTES}."
            return fail(state.progress, FailureReason.SOURCE_TOO_LARGE, message, now)
        case facts.SourceFound(media=media):
            return become(states.CheckingCreator(progress=state.progress.with_failures_cleared(), media=media))
        case facts.SourceUnusable(fault=facts.SourceFault(temporary=True, message=message)):
            # Retried until the post's `not_after`.
            return retry(state, DelayReason.SOURCE, message, now)
        case facts.SourceUnusable(fault=fault):
            return fail(state.progress, fault.reason, fault.message, now)


def on_creator_info(
    state: states.CheckingCreator, result: facts.CreatorInfoReceived, now: UtcDatetime
) -> Decision[Post]:
    """Go on to the init if the creator's settings allow this post."""
    restriction = creator_restriction(
        state.progress.request,
        privacy_levels=result.privacy_levels,
        comment_disabled=result.comment_disabled,
        duet_disabled=result.duet_disabled,
        stitch_disabled=result.stitch_disabled,
    )
    if restriction is not None:
        return fail(state.progress, FailureReason.INVALID_REQUEST, restriction, now)
    return become(states.Initialising(progress=state.progress.with_failures_cleared(), media=state.media))


def on_init_done(state: states.Initialising, result: facts.InitDone, now: UtcDatetime) -> Decision[Post]:
    """Start the upload. Committing the `publish_id` first is what allows bytes to be sent to it."""
    opened = states.Uploading(
        progress=state.progress.with_failures_cleared(),
        media=state.media,
        session=states.UploadSession(publish_id=result.publish_id, sealed_url=result.sealed_url, opened_at=now),
        next_chunk=0,
        last_chunk_may_have_left=False,
    )
    return transitions.send_from(opened, 0, now)


def on_init_unanswered(progress: PostProgress, init: effects.AnyInit, reason: str, now: UtcDatetime) -> Decision[Post]:
    """Decide what a lost answer to an init means, by what the init does at TikTok.

    This is the one place where a guess could post twice, so it depends on the effect's base class and on nothing else.
    """
    match init:
        case effects.HarmlessInit():
            # The upload that it may have opened has no bytes, and no process knows its URL to send any.
            lost = replace(progress, unanswered_inits=progress.unanswered_inits + 1)
            return next_attempt(lost, f"TikTok's answer to init was lost: {reason}", now)
        case effects.PublishingInit():
            # It may have published. Another init could be a second post, so only a person can decide.
            return transitions.end_unresolved(progress, now)


CallingState = states.CheckingCreator | states.Initialising | states.QueryingState
"""States whose effect needs an access token."""


def on_call_failure(
    state: CallingState, result: facts.NoCredential | facts.CallRefused, now: UtcDatetime
) -> Decision[Post]:
    """Handle a call that was not made for want of a token, or that TikTok refused."""
    match result:
        case facts.NoCredential(version=version):
            return await_credential(state, version, "There is no usable access token for the account.", now)
        case facts.CallRefused():
            return on_call_refused(state, result, now)


def on_call_refused(state: CallingState, result: facts.CallRefused, now: UtcDatetime) -> Decision[Post]:
    """Decide what TikTok's refusal of a call means, by its code."""
    match retry_advice(result.refused):
        case RetryAdvice.TOKEN_REJECTED:
            return _token_rejected(state, result, now)
        case RetryAdvice.RATE_LIMITED:
            return wait(state, now + transitions.RATE_LIMIT_PAUSE, DelayReason.RATE_LIMIT, _refusal_text(result), now)
        case RetryAdvice.WAIT_LONG if not isinstance(state, states.Querying):
            # The creator's limits may have changed by then, so the creator is checked again.
            then = states.CheckingCreator(progress=state.progress, media=state.media)
            return wait(then, now + DAILY_LIMIT_PAUSE, DelayReason.DAILY_LIMIT, _refusal_text(result), now)
        case RetryAdvice.TRANSIENT | RetryAdvice.WAIT_LONG:
            return retry(state, DelayReason.TIKTOK, _refusal_text(result), now)
        case (
            RetryAdvice.RECONSENT
            | RetryAdvice.NEW_UPLOAD
            | RetryAdvice.RESYNC
            | RetryAdvice.MISCONFIGURED
            | RetryAdvice.PERMANENT
        ):
            return _refused_for_good(state, result, now)


def _refusal_text(result: facts.CallRefused) -> str:
    refused = result.refused
    return f"{refused.code}: {refused.message}" if refused.message else refused.code


def _token_rejected(state: CallingState, result: facts.CallRefused, now: UtcDatetime) -> Decision[Post]:
    rejected = TokenRejected(
        account_id=state.progress.request.account_id,
        version=result.version,
        code=result.refused.code,
        service=service.NAME,
        at=now,
    )
    # Counted as a failure, so that a series of refused tokens is tried with growing pauses.
    failed = replace(state, progress=state.progress.with_failure())
    message = "TikTok refused the access token; waiting for a newer one."
    return await_credential(failed, result.version, message, now, rejected)


def _refused_for_good(state: CallingState, result: facts.CallRefused, now: UtcDatetime) -> Decision[Post]:
    refused = result.refused
    match state:
        case states.CheckingCreator():
            return fail(state.progress, FailureReason.CREATOR_CANNOT_POST, _refusal_text(result), now, refused.code)
        case states.Initialising():
            return fail(state.progress, FailureReason.REFUSED_BY_TIKTOK, _refusal_text(result), now, refused.code)
        case states.QueryingBeforeLastChunk():
            return next_attempt(state.progress, _refusal_text(result), now)
        case states.QueryingAfterLastChunk() | states.QueryingUnsendable() | states.ProvingDead():
            # A refusal to answer proves nothing about the attempt.
            return retry(state, DelayReason.TIKTOK, _refusal_text(result), now)
