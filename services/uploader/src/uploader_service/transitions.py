"""The few ways a post moves on: it waits, tries again, is handed over, or ends. Each says so in events."""

import hashlib
from datetime import timedelta
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostDelayed,
    PostFailed,
    PostProgressed,
    PostUnresolved,
    PostUploaded,
)
from common.streams import Decision
from uploader_service.states import (
    FIND_OUT_FOR,
    TELL_AFTER,
    Asking,
    AwaitingCredential,
    Ending,
    Finished,
    HandedOver,
    Initialising,
    Job,
    Locating,
    Post,
    Probing,
    Uploading,
    Waiting,
    Working,
    last_chunk_may_have_left,
    limit_of,
)

MOST_ATTEMPTS = 10
"""Attempts that TikTok opened. Those whose init got no answer count only by time: an outage is no fault of the post."""

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
ATTEMPT_PAUSE = timedelta(seconds=30)
LONGEST_ATTEMPT_PAUSE = timedelta(minutes=30)

Sending: TypeAlias = Uploading | Locating
W = TypeVar("W", Probing, Asking, Initialising, Uploading, Locating)


def unchanged(state: Post | None) -> Decision[Post]:
    """A fact that comes twice, late, or means nothing to this state."""
    return Decision(state=state)


def keep(state: Post, *events: Body) -> Decision[Post]:
    """Go on as this."""
    return Decision(state=state, events=events)


def after(events: tuple[Body, ...], decision: Decision[Post]) -> Decision[Post]:
    """Tell these events before those of the decision."""
    return Decision(state=decision.state, events=(*events, *decision.events))


def back_off(strikes: int, name: str) -> timedelta:
    """How long to wait after this many failures in a row: doubling, and spread so that posts do not march in step.

    The spread comes from the name, not from chance: the same history gives the same times.
    """
    doublings = min(max(strikes - 1, 0), 16)
    doubled = min(SHORTEST_PAUSE * (1 << doublings), LONGEST_PAUSE)
    spread = hashlib.sha256(f"{name}:{strikes}".encode()).digest()[0] / 255
    return doubled * (0.75 + spread / 2)


def wait(then: Working, until: UtcDatetime, reason: DelayReason, message: str, now: UtcDatetime) -> Decision[Post]:
    """Do nothing before `until`. Only waits that a person would notice are told."""
    if until - now < TELL_AFTER:
        return keep(Waiting(until=until, reason=reason, then=then))
    event = PostDelayed(**then.job.header(now), reason=reason, until=until, message=message)
    return keep(Waiting(until=until, reason=reason, then=replace(then, job=then.job.told())), event)


def try_again(state: Working, reason: DelayReason, message: str, now: UtcDatetime) -> Decision[Post]:
    """Do the same once more, after a pause that grows."""
    struck = replace(state, job=state.job.struck())
    pause = back_off(struck.job.strikes, struck.job.request.post_id)
    return wait(struck, now + pause, reason, message, now)


def await_credential(state: Working, version: int, message: str, now: UtcDatetime, *events: Body) -> Decision[Post]:
    """Wait for an access token that is newer than this version."""
    delayed = PostDelayed(**state.job.header(now), reason=DelayReason.CREDENTIAL, message=message)
    then = replace(state, job=state.job.told())
    return keep(AwaitingCredential(newer_than=version, then=then), *events, delayed)


def fail(job: Job, reason: FailureReason, message: str, now: UtcDatetime, code: str = "") -> Decision[Post]:
    """End the post: it did not and will not go out."""
    event = PostFailed(**job.header(now), reason=reason, message=message, code=code)
    return keep(finished(job.told(), Ending.FAILED, now), event)


def finished(job: Job, ending: Ending, now: UtcDatetime) -> Finished:
    """Shrink a post to what must be remembered."""
    return Finished(
        tenant=job.request.tenant,
        digest=job.digest,
        revision=job.revision,
        ending=ending,
        at=now,
        inits=job.calls.inits,
    )


def too_late(job: Job, now: UtcDatetime) -> Decision[Post]:
    """End a post whose moment has passed."""
    message = f"not_after: it was {job.not_after.isoformat()} and the post could not be handed to TikTok before"
    return fail(job, FailureReason.TOO_LATE, message, now)


def next_attempt(job: Job, why: str, now: UtcDatetime) -> Decision[Post]:
    """Begin again from the source. Only for attempts that are known never to publish."""
    if now >= job.not_after:
        return too_late(job, now)
    if job.attempt - job.lost >= MOST_ATTEMPTS:
        message = f"{job.attempt - job.lost} attempts came to nothing; the last one: {why}"
        return fail(job, FailureReason.ATTEMPTS_EXHAUSTED, message, now)
    then = Probing(job=replace(job.well(), attempt=job.attempt + 1))
    if then.job.attempt == 2:  # noqa: PLR2004 - the second attempt follows at once, later ones after longer and longer
        return keep(then)
    doublings = min(then.job.attempt - 3, 16)
    pause = min(ATTEMPT_PAUSE * (1 << doublings), LONGEST_ATTEMPT_PAUSE)
    return wait(then, now + pause, DelayReason.TIKTOK, why, now)


def send_from(state: Sending, chunk: int, now: UtcDatetime) -> Decision[Post]:
    """Go on with a chunk. Deciding for the last one writes down that it may have left, before it can leave."""
    marked = state.last_chunk_may_have_left or chunk == state.media.plan.count - 1
    if marked and not state.last_chunk_may_have_left and now >= limit_of(state):
        return expire(state, now)
    return keep(
        Uploading(
            job=state.job,
            media=state.media,
            ticket=state.ticket,
            next_chunk=chunk,
            last_chunk_may_have_left=marked,
            progress_told_at=state.progress_told_at if isinstance(state, Uploading) else None,
            taken_over=state.taken_over,
        )
    )


def locate(
    state: Sending,
    message: str,
    now: UtcDatetime,
    *,
    reason: DelayReason = DelayReason.TIKTOK,
    refused_late: bool = False,
    unsendable: bool = False,
) -> Decision[Post]:
    """Ask TikTok how many bytes it has: at once the first time, then after pauses."""
    asking = Locating(
        job=state.job,
        media=state.media,
        ticket=state.ticket,
        last_chunk_may_have_left=state.last_chunk_may_have_left,
        refused_late=refused_late,
        taken_over=state.taken_over,
        unsendable=unsendable,
    )
    if state.job.strikes == 0:
        return keep(replace(asking, job=state.job.struck()))
    return try_again(asking, reason, message, now)


def progress(state: Sending, stored: int, now: UtcDatetime) -> PostProgressed:
    """Sample how many bytes TikTok has. A sample does not raise the revision."""
    header = state.job.header(now)
    header["revision"] = state.job.revision
    return PostProgressed(**header, bytes_sent=stored, bytes_total=state.media.size)


def hand_over(state: Sending, now: UtcDatetime) -> Decision[Post]:
    """TikTok has every byte: the post is the publisher's from here."""
    job = state.job
    event = PostUploaded(
        **job.header(now),
        publish_id=state.ticket.publish_id,
        attempt=job.attempt,
        bytes_total=state.media.size,
        privacy_level=job.request.privacy_level,
        request_digest=job.digest,
    )
    handed = HandedOver(job=job.told(), publish_id=state.ticket.publish_id, at=now)
    return keep(handed, progress(state, state.media.size, now), event)


def leave_unresolved(state: Sending, now: UtcDatetime) -> Decision[Post]:
    """Whether the post is out could not be found out here: the publisher goes on finding out."""
    job = state.job
    event = PostUnresolved(
        **job.header(now),
        publish_id=state.ticket.publish_id,
        attempt=job.attempt,
        privacy_level=job.request.privacy_level,
        message="the last bytes may have reached TikTok, and it did not say so in time",
    )
    return keep(HandedOver(job=job.told(), publish_id=state.ticket.publish_id, at=now), event)


def expire(state: Working, now: UtcDatetime) -> Decision[Post]:
    """End a state whose time is over."""
    match state:
        case Uploading() | Locating() if last_chunk_may_have_left(state):
            if now >= state.ticket.opened_at + FIND_OUT_FOR:
                return leave_unresolved(state, now)
            return locate(state, "the post's moment has passed", now)
        case Uploading() | Locating() if now < state.job.not_after:
            return next_attempt(state.job, "the upload url came to the end of its life", now)
        case Probing() | Asking() | Initialising() | Uploading() | Locating():
            return too_late(state.job, now)
