"""What each fact changes about a post, and what the world is told of it."""

from typing import TypeVar

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.body import Body
from common.contract.post import (
    FailureReason,
    PostAvailable,
    PostFailed,
    PostPublished,
    PostReturned,
    PostUnresolved,
    PrivacyLevel,
)
from common.contract.state_keys import post_id_of
from common.streams import Decision, Due, StateKey
from publisher_service import service, verdicts
from publisher_service.lanes import ACCOUNT_RESTS, ACCOUNT_RESTS_WHEN_LIMITED
from publisher_service.plans import REFUSALS_BEFORE_DOUBT, REMEMBER_FOR, deadline, next_look
from publisher_service.post import (
    AwaitingCredential,
    Closed,
    Completed,
    CredentialRejected,
    CredentialSeen,
    Fact,
    Following,
    GivenUp,
    HandedOver,
    HandedOverInDoubt,
    NoCredential,
    Outcome,
    Polled,
    Post,
    Published,
    RateLimited,
    Returned,
    StatusRefused,
    StatusUnsettled,
    StillProcessing,
    Tokenless,
    Verdict,
)

P = TypeVar("P", Following, Published)


def decide(key: StateKey, state: Post | None, fact: Fact | Due, now: UtcDatetime) -> Decision[Post]:
    """Say what a fact changes. A fact may come twice or late; then it changes nothing."""
    match fact:
        case HandedOver() | HandedOverInDoubt():
            return take_over(key, state, fact, now)
        case CredentialSeen(version=version):
            return resume(state, version, now)
        case Due():
            return time_is_up(key, state, now)
        case StillProcessing() | Completed() | GivenUp() | StatusRefused() | RateLimited() | StatusUnsettled():
            return hear(key, state, fact, now)
        case CredentialRejected() | NoCredential():
            return hear(key, state, fact, now)


def take_over(
    key: StateKey, state: Post | None, fact: HandedOver | HandedOverInDoubt, now: UtcDatetime
) -> Decision[Post]:
    """Begin to follow an attempt that is new to us. Of an attempt we know, everything is said already."""
    match state:
        case None:
            return Decision(state=_follow(key, fact, now))
        case Following(attempt=known) | AwaitingCredential(then=Following(attempt=known)) | Returned(attempt=known):
            return Decision(state=_follow(key, fact, now) if fact.attempt > known else state)
        case AwaitingCredential() | Published() | Closed():
            return Decision(state=state)


def resume(state: Post | None, version: int, now: UtcDatetime) -> Decision[Post]:
    """Go on with a newer access token, if that is what the post waits for."""
    match state:
        case AwaitingCredential(newer_than=old, then=then) if version > old:
            return Decision(state=replace(then, next_at=now))
        case None | AwaitingCredential() | Following() | Published() | Returned() | Closed():
            return Decision(state=state)


def time_is_up(key: StateKey, state: Post | None, now: UtcDatetime) -> Decision[Post]:
    """Look whether a deadline of the state has passed."""
    match state:
        case AwaitingCredential(then=then):
            later = _within_deadline(key, then, now)
            if not isinstance(later.state, Following | Published):
                return later
            unchanged = later.state is then
            return Decision(state=state if unchanged else replace(state, then=later.state), events=later.events)
        case Returned(at=at) | Closed(at=at):
            return Decision(state=None if now >= at + REMEMBER_FOR else state)
        case None | Following() | Published():
            return Decision(state=state)


def hear(key: StateKey, state: Post | None, outcome: Outcome, now: UtcDatetime) -> Decision[Post]:
    """Take in what came of a poll, if it is about the attempt that is being followed."""
    match state:
        case Following(attempt=n) if n == outcome.attempt:
            return _hear_of_following(key, state, outcome, now)
        case Published(attempt=n) if n == outcome.attempt:
            return _hear_of_published(key, state, outcome, now)
        case None | Following() | Published() | AwaitingCredential() | Returned() | Closed():
            return Decision(state=state)


def _hear_of_following(key: StateKey, state: Following, outcome: Outcome, now: UtcDatetime) -> Decision[Post]:
    match outcome:
        case Completed(video_ids=ids):
            return _publish(key, state, ids, now)
        case GivenUp(fail_reason=reason):
            return _end(key, state, reason, now)
        case StatusRefused():
            refused = replace(state, refusals=state.refusals + 1)
            return _within_deadline(key, _look_again(key, refused, outcome, now), now)
        case StillProcessing():
            return _within_deadline(key, _look_again(key, replace(state, refusals=0), outcome, now), now)
        case RateLimited() | StatusUnsettled():
            return _within_deadline(key, _look_again(key, state, outcome, now), now)
        case CredentialRejected() | NoCredential():
            return _park(key, state, outcome, now)


def _hear_of_published(key: StateKey, state: Published, outcome: Outcome, now: UtcDatetime) -> Decision[Post]:
    match outcome:
        case Completed(video_ids=ids) if set(ids) - set(state.video_ids):
            return _name_ids(key, state, ids, now)
        case Completed() | StillProcessing() | GivenUp() | StatusRefused() | RateLimited() | StatusUnsettled():
            # The verdict has been given: only ids can be news.
            return _within_deadline(key, _look_again(key, state, outcome, now), now)
        case CredentialRejected() | NoCredential():
            return _park(key, state, outcome, now)


def _follow(key: StateKey, fact: HandedOver | HandedOverInDoubt, now: UtcDatetime) -> Following:
    state = Following(
        tenant=fact.tenant,
        attempt=fact.attempt,
        publish_id=fact.publish_id,
        revision=fact.revision,
        privacy_level=fact.privacy_level,
        handed_over_at=fact.at,
        next_at=now,
        doubtful=isinstance(fact, HandedOverInDoubt),
    )
    return replace(state, next_at=next_look(key, state, now))


def _publish(key: StateKey, state: Following, video_ids: tuple[str, ...], now: UtcDatetime) -> Decision[Post]:
    event = PostPublished(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=state.tenant,
        revision=state.revision + 1,
        at=now,
        publish_id=state.publish_id,
    )
    published = Published(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=event.revision,
        account_rests_until=now + ACCOUNT_RESTS,
        published_at=now,
        next_at=now,
    )
    events: tuple[Body, ...] = (event,)
    after = replace(published, next_at=next_look(key, published, now))
    if video_ids:
        after, available = _with_ids(key, published, video_ids, now)
        events = (event, available)
    # TikTok names ids of public posts only; there is nothing to wait for with the others.
    public = state.privacy_level is PrivacyLevel.PUBLIC_TO_EVERYONE
    return Decision(state=after if public else _close(after, Verdict.PUBLISHED, now), events=events)


def _name_ids(key: StateKey, state: Published, video_ids: tuple[str, ...], now: UtcDatetime) -> Decision[Post]:
    asked = replace(state, account_rests_until=now + ACCOUNT_RESTS)
    after, available = _with_ids(key, asked, video_ids, now)
    return Decision(state=after, events=(available,))


def _with_ids(
    key: StateKey, state: Published, video_ids: tuple[str, ...], now: UtcDatetime
) -> tuple[Published, PostAvailable]:
    every = tuple(dict.fromkeys((*state.video_ids, *video_ids)))
    known = replace(state, video_ids=every, revision=state.revision + 1, polls=0)
    available = PostAvailable(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=known.tenant,
        revision=known.revision,
        at=now,
        publish_id=known.publish_id,
        video_ids=every,
    )
    return replace(known, next_at=next_look(key, known, now)), available


def _end(key: StateKey, state: Following, fail_reason: str, now: UtcDatetime) -> Decision[Post]:
    ruling = verdicts.ruling(fail_reason)
    rested = replace(state, revision=state.revision + 1, account_rests_until=now + ACCOUNT_RESTS)
    if not ruling.again:
        return Decision(
            state=_close(rested, Verdict.FAILED, now),
            events=(
                PostFailed(
                    account_id=key.partition_key,
                    post_id=post_id_of(key),
                    tenant=rested.tenant,
                    revision=rested.revision,
                    at=now,
                    reason=FailureReason.REFUSED_BY_TIKTOK,
                    message=ruling.message,
                    code=fail_reason,
                ),
            ),
        )
    return Decision(
        state=Returned(
            tenant=rested.tenant,
            attempt=rested.attempt,
            publish_id=rested.publish_id,
            revision=rested.revision,
            account_rests_until=rested.account_rests_until,
            at=now,
        ),
        events=(
            PostReturned(
                account_id=key.partition_key,
                post_id=post_id_of(key),
                tenant=rested.tenant,
                revision=rested.revision,
                at=now,
                attempt=rested.attempt,
                code=fail_reason,
                message=ruling.message,
            ),
        ),
    )


def _park(key: StateKey, state: Polled, outcome: Tokenless, now: UtcDatetime) -> Decision[Post]:
    match outcome:
        case NoCredential(version=version):
            return Decision(state=AwaitingCredential(then=state, newer_than=version))
        case CredentialRejected(version=version, code=code):
            rejected = TokenRejected(
                account_id=key.partition_key, version=version, code=code, service=service.NAME, at=now
            )
            return Decision(state=AwaitingCredential(then=state, newer_than=version), events=(rejected,))


def _look_again(key: StateKey, state: P, outcome: Outcome, now: UtcDatetime) -> P:
    rest = ACCOUNT_RESTS_WHEN_LIMITED if isinstance(outcome, RateLimited) else ACCOUNT_RESTS
    asked = replace(state, polls=state.polls + 1, account_rests_until=now + rest)
    return replace(asked, next_at=max(now + rest, next_look(key, asked, now)))


def _within_deadline(key: StateKey, state: Polled, now: UtcDatetime) -> Decision[Post]:
    """Keep the state, unless its time is up: then say so, once, or stop asking."""
    match state:
        case Following(doubtful=False) if now >= deadline(state) or state.refusals >= REFUSALS_BEFORE_DOUBT:
            return _doubt(key, state, now)
        case Following(doubtful=True) if now >= deadline(state):
            return Decision(state=_close(state, Verdict.UNRESOLVED, now))
        case Published() if now >= deadline(state):
            return Decision(state=_close(state, Verdict.PUBLISHED, now))
        case Following() | Published():
            return Decision(state=state)


def _doubt(key: StateKey, state: Following, now: UtcDatetime) -> Decision[Post]:
    doubtful = replace(state, doubtful=True, revision=state.revision + 1)
    unresolved = PostUnresolved(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=doubtful.tenant,
        revision=doubtful.revision,
        at=now,
        publish_id=doubtful.publish_id,
        attempt=doubtful.attempt,
        privacy_level=doubtful.privacy_level,
        message=verdicts.no_verdict(refused=state.refusals >= REFUSALS_BEFORE_DOUBT),
    )
    return Decision(state=doubtful, events=(unresolved,))


def _close(state: Polled, verdict: Verdict, now: UtcDatetime) -> Closed:
    return Closed(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=state.revision,
        account_rests_until=state.account_rests_until,
        verdict=verdict,
        at=now,
    )
