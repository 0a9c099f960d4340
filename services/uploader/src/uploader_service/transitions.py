"""The few ways a post moves on: it waits, retries, begins an attempt, is handed over or ends, each with its events."""

from datetime import timedelta

from msgspec.structs import replace

from common.backoff import exponential, stable_jitter
from common.clock import UtcDatetime
from common.contract import post as contract
from common.contract.body import Body
from common.contract.post import DelayReason, FailureReason
from common.streams import Decision
from uploader_service import states
from uploader_service.states import Ending, Post, PostProgress

MAX_ATTEMPTS = 10
"""Attempts that TikTok opened. Those whose init got no answer count only by time: an outage is no fault of the post."""

RETRY_PAUSE = timedelta(seconds=1)
"""First pause after a failure. It doubles with each further one in a row, up to `MAX_RETRY_PAUSE`."""

MAX_RETRY_PAUSE = timedelta(minutes=5)
ATTEMPT_PAUSE = timedelta(seconds=30)
"""Pause before the third attempt. It doubles with each further one, up to `MAX_ATTEMPT_PAUSE`."""

MAX_ATTEMPT_PAUSE = timedelta(minutes=30)
RATE_LIMIT_PAUSE = timedelta(seconds=65)
"""TikTok asks for a minute after `rate_limit_exceeded`."""


def unchanged(state: Post | None) -> Decision[Post]:
    """Change nothing: the fact is late, a duplicate, or means nothing to this state."""
    return Decision(state=state)


def become(state: Post, *events: Body) -> Decision[Post]:
    """Go on as this state, and publish these events."""
    return Decision(state=state, events=events)


def with_earlier_events(events: tuple[Body, ...], decision: Decision[Post]) -> Decision[Post]:
    """Publish these events before those of the decision."""
    return Decision(state=decision.state, events=(*events, *decision.events))


def retry_pause(consecutive_failures: int, name: str) -> timedelta:
    """Return how long to wait after this many failures in a row.

    The pause doubles, and varies by a quarter so that posts which failed together do not retry together. The variation
    comes from the name, not from chance: the same history gives the same times.
    """
    pause = exponential(RETRY_PAUSE, MAX_RETRY_PAUSE, max(consecutive_failures - 1, 0))
    return pause * (0.75 + stable_jitter(f"{name}:{consecutive_failures}") / 2)


def wait(
    then: states.WorkingState, until: UtcDatetime, reason: DelayReason, message: str, now: UtcDatetime
) -> Decision[Post]:
    """Do nothing before `until`. Only waits that a person would notice publish `post.delayed`."""
    if until - now < states.DELAY_EVENT_AFTER:
        return become(states.Waiting(until=until, reason=reason, then=then))
    event = contract.PostDelayed(**then.progress.header(now), reason=reason, until=until, message=message)
    # The inner state counts the event: it is the one that goes on after the pause.
    counted = replace(then, progress=then.progress.with_next_revision())
    return become(states.Waiting(until=until, reason=reason, then=counted), event)


def retry(state: states.WorkingState, reason: DelayReason, message: str, now: UtcDatetime) -> Decision[Post]:
    """Do the same again, after a pause that grows."""
    failed = replace(state, progress=state.progress.with_failure())
    pause = retry_pause(failed.progress.consecutive_failures, failed.progress.request.post_id)
    return wait(failed, now + pause, reason, message, now)


def await_credential(
    state: states.WorkingState, version: int, message: str, now: UtcDatetime, *events: Body
) -> Decision[Post]:
    """Wait for an access token that is newer than this version."""
    delayed = contract.PostDelayed(**state.progress.header(now), reason=DelayReason.CREDENTIAL, message=message)
    then = replace(state, progress=state.progress.with_next_revision())
    return become(states.AwaitingCredential(newer_than=version, then=then), *events, delayed)


def fail(
    progress: PostProgress, reason: FailureReason, message: str, now: UtcDatetime, code: str = ""
) -> Decision[Post]:
    """End the post: it did not go out and never will."""
    event = contract.PostFailed(**progress.header(now), reason=reason, message=message, code=code)
    return become(finished(progress.with_next_revision(), Ending.FAILED, now), event)


def finished(progress: PostProgress, ending: Ending, now: UtcDatetime) -> states.Finished:
    """Reduce a post to what has to be kept."""
    return states.Finished(
        tenant=progress.request.tenant,
        digest=progress.digest,
        revision=progress.revision,
        ending=ending,
        at=now,
        inits=progress.calls.inits,
    )


def fail_too_late(progress: PostProgress, now: UtcDatetime) -> Decision[Post]:
    """End a post whose `not_after` has passed."""
    message = (
        f"not_after: It was {progress.not_after.isoformat()}, and the post did not reach TikTok before. "
        "If it shall still go out, request it under another post_id."
    )
    return fail(progress, FailureReason.TOO_LATE, message, now)


def next_attempt(progress: PostProgress, why: str, now: UtcDatetime) -> Decision[Post]:
    """Begin again from the source. Call it only for an attempt that can never publish.

    The second attempt follows at once. Later ones wait, since a fault that ended two attempts may end the next.
    """
    if now >= progress.not_after:
        return fail_too_late(progress, now)
    # If TikTok opened so many attempts and none went through, another one would not either.
    if (opened := progress.attempt - progress.unanswered_inits) >= MAX_ATTEMPTS:
        message = f"All {opened} attempts failed. The last one: {why}"
        return fail(progress, FailureReason.ATTEMPTS_EXHAUSTED, message, now)
    then = states.Probing(progress=replace(progress.with_failures_cleared(), attempt=progress.attempt + 1))
    if then.progress.attempt == 2:  # noqa: PLR2004 - the second attempt follows at once
        return become(then)
    pause = exponential(ATTEMPT_PAUSE, MAX_ATTEMPT_PAUSE, then.progress.attempt - 3)
    return wait(then, now + pause, DelayReason.TIKTOK, why, now)


def send_from(state: states.UploadState, chunk: int, now: UtcDatetime) -> Decision[Post]:
    """Continue with this chunk. For the last one, commit first that it may have left.

    This is the only way to a state that sends. The mark never goes back: once the last chunk may have left, a resend of
    earlier chunks keeps it.
    """
    already_marked = states.last_chunk_may_have_left(state)
    marked = already_marked or chunk == state.media.plan.count - 1
    if marked and not already_marked and now >= states.deadline_of(state):
        # The last moment at which the attempt can still be given up without proof.
        return expire(state, now)
    return become(
        states.Uploading(
            progress=state.progress,
            media=state.media,
            session=state.session,
            next_chunk=chunk,
            last_chunk_may_have_left=marked,
            progress_published_at=state.progress_published_at if isinstance(state, states.Uploading) else None,
            taken_over=_is_taken_over(state),
        )
    )


def _is_taken_over(state: states.UploadState) -> bool:
    match state:
        case states.Uploading() | states.QueryingAfterLastChunk():
            return state.taken_over
        case states.QueryingBeforeLastChunk() | states.QueryingUnsendable() | states.ProvingDead():
            return False


def query_offset(
    state: states.Uploading, message: str, now: UtcDatetime, *, reason: DelayReason = DelayReason.TIKTOK
) -> Decision[Post]:
    """Ask TikTok how many bytes it has, in order to continue there."""
    progress, media, session = state.progress, state.media, state.session
    querying: states.QueryingState
    if state.last_chunk_may_have_left:
        querying = states.QueryingAfterLastChunk(
            progress=progress, media=media, session=session, taken_over=state.taken_over
        )
    else:
        querying = states.QueryingBeforeLastChunk(progress=progress, media=media, session=session)
    return _query(querying, message, now, reason)


def query_unsendable(
    state: states.Uploading, message: str, now: UtcDatetime, *, reason: DelayReason = DelayReason.TIKTOK
) -> Decision[Post]:
    """Ask TikTok how many bytes it has, while nothing more can be sent."""
    if not state.last_chunk_may_have_left:
        return query_offset(state, message, now, reason=reason)
    querying = states.QueryingUnsendable(progress=state.progress, media=state.media, session=state.session)
    return _query(querying, message, now, reason)


def query_refused_url(state: states.Uploading, message: str, now: UtcDatetime) -> Decision[Post]:
    """Ask TikTok how many bytes it has, after it refused the URL past its end: no more can arrive."""
    querying = states.ProvingDead(progress=state.progress, media=state.media, session=state.session)
    return _query(querying, message, now, DelayReason.TIKTOK)


def _query(querying: states.QueryingState, message: str, now: UtcDatetime, reason: DelayReason) -> Decision[Post]:
    # The first query costs nothing and mostly answers. If sending failed before as well, pause: the two alternate.
    if querying.progress.consecutive_failures == 0:
        return become(replace(querying, progress=querying.progress.with_failure()))
    return retry(querying, reason, message, now)


def progress_sample(state: states.UploadState, stored: int, now: UtcDatetime) -> contract.PostProgressed:
    """Make the sample of how many bytes TikTok has.

    It repeats the revision that stands, so that readers who leave samples out see no gap.
    """
    header = state.progress.header(now)
    header["revision"] = state.progress.revision
    return contract.PostProgressed(**header, bytes_sent=stored, bytes_total=state.media.size)


def hand_over(state: states.UploadState, now: UtcDatetime) -> Decision[Post]:
    """Give the post to the publisher: TikTok has every byte."""
    progress = state.progress
    event = contract.PostUploaded(
        **progress.header(now),
        publish_id=state.session.publish_id,
        attempt=progress.attempt,
        bytes_total=state.media.size,
        privacy_level=progress.request.privacy_level,
        request_digest=progress.digest,
    )
    handed = states.HandedOver(progress=progress.with_next_revision(), publish_id=state.session.publish_id, at=now)
    # The sample comes first, so that progress ends at 100 % before the post changes its owner.
    return become(handed, progress_sample(state, state.media.size, now), event)


def hand_over_unresolved(state: states.UploadState, now: UtcDatetime) -> Decision[Post]:
    """Give the post to the publisher although it is not known whether TikTok has every byte."""
    progress = state.progress
    event = contract.PostUnresolved(
        **progress.header(now),
        publish_id=state.session.publish_id,
        attempt=progress.attempt,
        privacy_level=progress.request.privacy_level,
        message=(
            "TikTok may have received the last bytes, and did not confirm it in time. "
            "Check the account before you request the post again."
        ),
    )
    handed = states.HandedOver(progress=progress.with_next_revision(), publish_id=state.session.publish_id, at=now)
    return become(handed, event)


def end_unresolved(progress: PostProgress, now: UtcDatetime) -> Decision[Post]:
    """End a post whose init may have published it, with no `publish_id` to ask TikTok about."""
    event = contract.PostUnresolved(
        **progress.header(now),
        publish_id="",
        attempt=progress.attempt,
        privacy_level=progress.request.privacy_level,
        message=(
            "TikTok's answer to the init was lost, so the post may be out. "
            "Check the account before you request the post again."
        ),
    )
    return become(finished(progress.with_next_revision(), Ending.UNRESOLVED, now), event)


def expire(state: states.WorkingState, now: UtcDatetime) -> Decision[Post]:
    """End a state whose deadline has passed."""
    match state:
        case states.QueryingAfterLastChunk() | states.QueryingUnsendable() | states.ProvingDead():
            return hand_over_unresolved(state, now)
        case states.Uploading(last_chunk_may_have_left=True):
            # Past `not_after` no chunk is sent any longer, but TikTok may have every byte already.
            if now >= state.session.opened_at + states.UNRESOLVED_AFTER:
                return hand_over_unresolved(state, now)
            return query_offset(state, "The post's not_after has passed; asking TikTok whether it has every byte.", now)
        case states.Uploading() | states.QueryingBeforeLastChunk() if now < state.progress.not_after:
            # Without its last chunk the old attempt never publishes, so it can be replaced without proof.
            return next_attempt(state.progress, "The upload URL was about to expire.", now)
        case states.Probing() | states.CheckingCreator() | states.Initialising():
            return fail_too_late(state.progress, now)
        case states.Uploading() | states.QueryingBeforeLastChunk():
            return fail_too_late(state.progress, now)
