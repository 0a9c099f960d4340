"""decide(): what a fact changes about a post. A fact may come twice or late; then it changes nothing."""

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostAccepted,
    PostDelayed,
    PostFailed,
    PostRequestConflict,
)
from common.contract.state_keys import post_id_of
from common.streams import Decision, Due, StateKey
from uploader_service.decisions_effect_results import settle
from uploader_service.decisions_requests import fault_of, is_too_old, shown_source, validity_of
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
    PARKED_FOR,
    REMEMBER,
    TELL_AFTER,
    Asking,
    AwaitingCredential,
    Ending,
    EventHeader,
    Finished,
    HandedOver,
    Initialising,
    Job,
    Locating,
    Parked,
    Post,
    Probing,
    Uploading,
    Waiting,
    digest_of,
    job_of,
    limit_of,
    returnable_until,
)
from uploader_service.transitions import back_off, expire, fail, finished, keep, next_attempt, too_late, unchanged, wait


def decide(key: StateKey, state: Post | None, fact: Fact | Due, now: UtcDatetime) -> Decision[Post]:
    """Say what a fact changes."""
    match fact:
        case Requested() | Illegible() | Returned():
            return hear(key, state, fact, now)
        case AccountSeen(tenant=tenant):
            return meet_account(state, tenant, now)
        case CredentialSeen(version=version):
            return meet_credential(state, version, now)
        case Due():
            return time_is_up(key, state, now)
        case SourceFound() | SourceUnusable() | SourceBroke() | CreatorTold() | InitDone() | Located() | ChunkStored():
            return settle(state, fact, now)
        case (
            ChunkDeclined()
            | TicketUnreadable()
            | TakenOver()
            | Declined()
            | NeverSent()
            | Unanswered()
            | NoCredential()
        ):
            return settle(state, fact, now)


def hear(key: StateKey, state: Post | None, fact: Requested | Illegible | Returned, now: UtcDatetime) -> Decision[Post]:
    """Take in an event from outside the uploader."""
    match fact:
        case Requested() if state is None:
            return accept(fact, now)
        case Requested(request=request):
            return compare(key, state, digest_of(request), "the content differs from the first request", now)
        case Illegible() if state is None:
            return refuse_illegible(key, fact, now)
        case Illegible(digest=digest, message=message):
            return compare(key, state, digest, f"a later request could not be read: {message}", now)
        case Returned():
            return take_back(key, state, fact, now)


def accept(fact: Requested, now: UtcDatetime) -> Decision[Post]:
    """Write the request down, unless it can be told already that it never goes out."""
    request = fact.request
    job = Job(request=request, digest=digest_of(request), not_after=validity_of(request, now))
    if is_too_old(fact.recorded_at, now):
        message = f"the request was written at {fact.recorded_at}, more than 7 days ago"
        return fail(job, FailureReason.TOO_OLD, message, now)
    if (fault := fault_of(request, now)) is not None:
        return fail(job, FailureReason.INVALID_REQUEST, fault, now)
    if now >= job.not_after:
        return too_late(job, now)
    accepted = PostAccepted(
        **job.header(now),
        source_url=shown_source(request.source.url),
        privacy_level=request.privacy_level,
        caption=request.caption,
    )
    return keep(Parked(job=job.told(), since=now), accepted)


def compare(key: StateKey, state: Post | None, digest: str, message: str, now: UtcDatetime) -> Decision[Post]:
    """Asked again for the same: nothing. For something else: the first request stands, and that is said.

    The count of a post that was handed over is the publisher's: there the conflict carries the hand-over's revision.
    """
    if state is None or _digest_in(state) == digest:
        return unchanged(state)
    counted, header = _next_header(key, state, now)
    return keep(counted, PostRequestConflict(**header, message=f"{message}; the first request stands"))


def _digest_in(state: Post) -> str:
    return state.digest if isinstance(state, Finished) else job_of(state).digest


def _next_header(key: StateKey, state: Post, now: UtcDatetime) -> tuple[Post, EventHeader]:
    match state:
        case Finished():
            step = 0 if state.ending is Ending.HANDED_OVER else 1
            counted = replace(state, revision=state.revision + step)
            return counted, EventHeader(
                account_id=key.partition_key,
                post_id=post_id_of(key),
                tenant=state.tenant,
                revision=counted.revision,
                at=now,
            )
        case HandedOver():
            header = state.job.header(now)
            header["revision"] = state.job.revision
            return state, header
        case Waiting() | AwaitingCredential():
            then = state.then
            return replace(state, then=replace(then, job=then.job.told())), then.job.header(now)
        case Parked() | Probing() | Asking() | Initialising() | Uploading() | Locating():
            return replace(state, job=state.job.told()), state.job.header(now)


def refuse_illegible(key: StateKey, fact: Illegible, now: UtcDatetime) -> Decision[Post]:
    """Answer a request of which little more than its post could be read."""
    header = EventHeader(account_id=key.partition_key, post_id=post_id_of(key), tenant=fact.tenant, revision=1, at=now)
    failed = PostFailed(**header, reason=FailureReason.INVALID_REQUEST, message=fact.message)
    state = Finished(tenant=fact.tenant, digest=fact.digest, revision=1, ending=Ending.FAILED, at=now)
    return keep(state, failed)


def take_back(key: StateKey, state: Post | None, fact: Returned, now: UtcDatetime) -> Decision[Post]:
    """Own the post again, and count on from the publisher's last revision."""
    match state:
        case HandedOver(job=job) if job.attempt == fact.attempt and fact.revision > job.revision:
            why = f"TikTok gave the attempt up: {fact.code}"
            return next_attempt(replace(job, revision=fact.revision), why, now)
        case Finished(ending=Ending.HANDED_OVER) if fact.revision > state.revision:
            header = EventHeader(
                account_id=key.partition_key,
                post_id=post_id_of(key),
                tenant=state.tenant,
                revision=fact.revision + 1,
                at=now,
            )
            failed = PostFailed(**header, reason=FailureReason.TOO_LATE, message="it came back after its moment")
            return keep(replace(state, revision=fact.revision + 1, ending=Ending.FAILED, at=now), failed)
        case None | Finished() | HandedOver() | Parked() | Waiting() | AwaitingCredential():
            return unchanged(state)
        case Probing() | Asking() | Initialising() | Uploading() | Locating():
            return unchanged(state)


def meet_account(state: Post | None, tenant: str, now: UtcDatetime) -> Decision[Post]:
    """The account a parked request waited for is in view."""
    if not isinstance(state, Parked):
        return unchanged(state)
    job = state.job
    if tenant != job.request.tenant:
        message = f"tenant: the account does not belong to {job.request.tenant}"
        return fail(job, FailureReason.WRONG_TENANT, message, now)
    then = Probing(job=job)
    publish_at = job.request.publish_at
    if publish_at is None or publish_at <= now:
        return keep(then)
    return wait(then, publish_at, DelayReason.SCHEDULED, "publish_at is in the future", now)


def meet_credential(state: Post | None, version: int, now: UtcDatetime) -> Decision[Post]:
    """Go on with a newer access token; after a pause, where newer ones were refused too."""
    if not isinstance(state, AwaitingCredential) or version <= state.newer_than:
        return unchanged(state)
    then = state.then
    if then.job.strikes <= 1:
        return keep(then)
    pause = back_off(then.job.strikes, then.job.request.post_id)
    return wait(then, now + pause, DelayReason.CREDENTIAL, "newer access tokens were refused too", now)


def time_is_up(key: StateKey, state: Post | None, now: UtcDatetime) -> Decision[Post]:
    """A time that the state waited for has come."""
    del key
    match state:
        case Parked():
            return _parked_long(state, now)
        case Waiting(then=then) | AwaitingCredential(then=then) if now >= limit_of(then):
            return expire(then, now)
        case Waiting(until=until, then=then) if now >= until:
            return keep(then)
        case Probing() | Asking() | Initialising() | Uploading() | Locating() if now >= limit_of(state):
            return expire(state, now)
        case HandedOver() | Finished():
            return _memory_over(state, now)
        case None | Waiting() | AwaitingCredential() | Probing() | Asking() | Initialising() | Uploading() | Locating():
            return unchanged(state)


def _parked_long(state: Parked, now: UtcDatetime) -> Decision[Post]:
    job = state.job
    if now >= state.since + PARKED_FOR:
        message = f"account_id: no account {job.request.account_id} is connected"
        return fail(job, FailureReason.UNKNOWN_ACCOUNT, message, now)
    if state.delay_told or now < state.since + TELL_AFTER:
        return unchanged(state)
    until = state.since + PARKED_FOR
    message = f"account_id: {job.request.account_id} is not known yet"
    delayed = PostDelayed(**job.header(now), reason=DelayReason.ACCOUNT_UNKNOWN_YET, until=until, message=message)
    return keep(Parked(job=job.told(), since=state.since, delay_told=True), delayed)


def _memory_over(state: HandedOver | Finished, now: UtcDatetime) -> Decision[Post]:
    match state:
        case HandedOver() if now >= returnable_until(state):
            return keep(finished(state.job, Ending.HANDED_OVER, now))
        case Finished(at=at) if now >= at + REMEMBER:
            return Decision(state=None)
        case HandedOver() | Finished():
            return unchanged(state)
