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
from publisher_service import facts, fail_reasons, service, states
from publisher_service.admission import ACCOUNT_RESTS, ACCOUNT_RESTS_WHEN_LIMITED
from publisher_service.plans import REFUSALS_BEFORE_DOUBT, REMEMBER_FOR, deadline, next_look

P = TypeVar("P", states.Following, states.Published)


def decide(key: StateKey, state: states.Post | None, fact: facts.Fact | Due, now: UtcDatetime) -> Decision[states.Post]:
    """Say what a fact changes. A fact may come twice or late; then it changes nothing."""
    match fact:
        case facts.HandedOver() | facts.HandedOverInDoubt():
            return take_over(key, state, fact, now)
        case facts.CredentialSeen(version=version):
            return resume(state, version, now)
        case Due():
            return time_is_up(key, state, now)
        case (
            facts.StillProcessing()
            | facts.Completed()
            | facts.GivenUp()
            | facts.StatusRefused()
            | facts.RateLimited()
            | facts.StatusUnsettled()
        ):
            return hear(key, state, fact, now)
        case facts.CredentialRejected() | facts.NoCredential():
            return hear(key, state, fact, now)


def take_over(
    key: StateKey, state: states.Post | None, fact: facts.HandedOver | facts.HandedOverInDoubt, now: UtcDatetime
) -> Decision[states.Post]:
    """Begin to follow an attempt that is new to us. Of an attempt we know, everything is said already."""
    match state:
        case None:
            return Decision(state=_follow(key, fact, now))
        case (
            states.Following(attempt=known)
            | states.AwaitingCredential(then=states.Following(attempt=known))
            | states.Returned(attempt=known)
        ):
            return Decision(state=_follow(key, fact, now) if fact.attempt > known else state)
        case states.AwaitingCredential() | states.Published() | states.Closed():
            return Decision(state=state)


def resume(state: states.Post | None, version: int, now: UtcDatetime) -> Decision[states.Post]:
    """Go on with a newer access token, if that is what the post waits for."""
    match state:
        case states.AwaitingCredential(newer_than=old, then=then) if version > old:
            return Decision(state=replace(then, next_at=now))
        case (
            None
            | states.AwaitingCredential()
            | states.Following()
            | states.Published()
            | states.Returned()
            | states.Closed()
        ):
            return Decision(state=state)


def time_is_up(key: StateKey, state: states.Post | None, now: UtcDatetime) -> Decision[states.Post]:
    """Look whether a deadline of the state has passed."""
    match state:
        case states.AwaitingCredential(then=then):
            later = _within_deadline(key, then, now)
            if not isinstance(later.state, states.Following | states.Published):
                return later
            unchanged = later.state is then
            return Decision(state=state if unchanged else replace(state, then=later.state), events=later.events)
        case states.Returned(at=at) | states.Closed(at=at):
            return Decision(state=None if now >= at + REMEMBER_FOR else state)
        case None | states.Following() | states.Published():
            return Decision(state=state)


def hear(key: StateKey, state: states.Post | None, outcome: facts.Outcome, now: UtcDatetime) -> Decision[states.Post]:
    """Take in what came of a poll, if it is about the attempt that is being followed."""
    match state:
        case states.Following(attempt=n) if n == outcome.attempt:
            return _hear_of_following(key, state, outcome, now)
        case states.Published(attempt=n) if n == outcome.attempt:
            return _hear_of_published(key, state, outcome, now)
        case (
            None
            | states.Following()
            | states.Published()
            | states.AwaitingCredential()
            | states.Returned()
            | states.Closed()
        ):
            return Decision(state=state)


def _hear_of_following(
    key: StateKey, state: states.Following, outcome: facts.Outcome, now: UtcDatetime
) -> Decision[states.Post]:
    match outcome:
        case facts.Completed(video_ids=ids):
            return _publish(key, state, ids, now)
        case facts.GivenUp(fail_reason=reason):
            return _end(key, state, reason, now)
        case facts.StatusRefused():
            refused = replace(state, refusals=state.refusals + 1)
            return _within_deadline(key, _look_again(key, refused, outcome, now), now)
        case facts.StillProcessing():
            return _within_deadline(key, _look_again(key, replace(state, refusals=0), outcome, now), now)
        case facts.RateLimited() | facts.StatusUnsettled():
            return _within_deadline(key, _look_again(key, state, outcome, now), now)
        case facts.CredentialRejected() | facts.NoCredential():
            return _park(key, state, outcome, now)


def _hear_of_published(
    key: StateKey, state: states.Published, outcome: facts.Outcome, now: UtcDatetime
) -> Decision[states.Post]:
    match outcome:
        case facts.Completed(video_ids=ids) if set(ids) - set(state.video_ids):
            return _name_ids(key, state, ids, now)
        case (
            facts.Completed()
            | facts.StillProcessing()
            | facts.GivenUp()
            | facts.StatusRefused()
            | facts.RateLimited()
            | facts.StatusUnsettled()
        ):
            # The verdict has been given: only ids can be news.
            return _within_deadline(key, _look_again(key, state, outcome, now), now)
        case facts.CredentialRejected() | facts.NoCredential():
            return _park(key, state, outcome, now)


def _follow(key: StateKey, fact: facts.HandedOver | facts.HandedOverInDoubt, now: UtcDatetime) -> states.Following:
    state = states.Following(
        tenant=fact.tenant,
        attempt=fact.attempt,
        publish_id=fact.publish_id,
        revision=fact.revision,
        privacy_level=fact.privacy_level,
        handed_over_at=fact.at,
        next_at=now,
        doubtful=isinstance(fact, facts.HandedOverInDoubt),
    )
    return replace(state, next_at=next_look(key, state, now))


def _publish(
    key: StateKey, state: states.Following, video_ids: tuple[str, ...], now: UtcDatetime
) -> Decision[states.Post]:
    event = PostPublished(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=state.tenant,
        revision=state.revision + 1,
        at=now,
        publish_id=state.publish_id,
    )
    published = states.Published(
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
    return Decision(state=after if public else _close(after, states.Verdict.PUBLISHED, now), events=events)


def _name_ids(
    key: StateKey, state: states.Published, video_ids: tuple[str, ...], now: UtcDatetime
) -> Decision[states.Post]:
    asked = replace(state, account_rests_until=now + ACCOUNT_RESTS)
    after, available = _with_ids(key, asked, video_ids, now)
    return Decision(state=after, events=(available,))


def _with_ids(
    key: StateKey, state: states.Published, video_ids: tuple[str, ...], now: UtcDatetime
) -> tuple[states.Published, PostAvailable]:
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


def _end(key: StateKey, state: states.Following, fail_reason: str, now: UtcDatetime) -> Decision[states.Post]:
    ruling = fail_reasons.ruling(fail_reason)
    rested = replace(state, revision=state.revision + 1, account_rests_until=now + ACCOUNT_RESTS)
    if not ruling.again:
        return Decision(
            state=_close(rested, states.Verdict.FAILED, now),
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
        state=states.Returned(
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


def _park(key: StateKey, state: states.Polled, outcome: facts.Tokenless, now: UtcDatetime) -> Decision[states.Post]:
    match outcome:
        case facts.NoCredential(version=version):
            return Decision(state=states.AwaitingCredential(then=state, newer_than=version))
        case facts.CredentialRejected(version=version, code=code):
            rejected = TokenRejected(
                account_id=key.partition_key, version=version, code=code, service=service.NAME, at=now
            )
            return Decision(state=states.AwaitingCredential(then=state, newer_than=version), events=(rejected,))


def _look_again(key: StateKey, state: P, outcome: facts.Outcome, now: UtcDatetime) -> P:
    rest = ACCOUNT_RESTS_WHEN_LIMITED if isinstance(outcome, facts.RateLimited) else ACCOUNT_RESTS
    asked = replace(state, polls=state.polls + 1, account_rests_until=now + rest)
    return replace(asked, next_at=max(now + rest, next_look(key, asked, now)))


def _within_deadline(key: StateKey, state: states.Polled, now: UtcDatetime) -> Decision[states.Post]:
    """Keep the state, unless its time is up: then say so, once, or stop asking."""
    match state:
        case states.Following(doubtful=False) if now >= deadline(state) or state.refusals >= REFUSALS_BEFORE_DOUBT:
            return _doubt(key, state, now)
        case states.Following(doubtful=True) if now >= deadline(state):
            return Decision(state=_close(state, states.Verdict.UNRESOLVED, now))
        case states.Published() if now >= deadline(state):
            return Decision(state=_close(state, states.Verdict.PUBLISHED, now))
        case states.Following() | states.Published():
            return Decision(state=state)


def _doubt(key: StateKey, state: states.Following, now: UtcDatetime) -> Decision[states.Post]:
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
        message=fail_reasons.no_verdict(refused=state.refusals >= REFUSALS_BEFORE_DOUBT),
    )
    return Decision(state=doubtful, events=(unresolved,))


def _close(state: states.Polled, verdict: states.Verdict, now: UtcDatetime) -> states.Closed:
    return states.Closed(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=state.revision,
        account_rests_until=state.account_rests_until,
        verdict=verdict,
        at=now,
    )
