"""decide(): what a fact changes about the collection. A fact may come twice or late; then it changes nothing."""

from collections.abc import Sequence
from datetime import timedelta

from msgspec.structs import replace

from analytics_service import facts, service, states
from analytics_service.schedule import age_after
from common import backoff
from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.metrics import MetricsCollected
from common.contract.state_keys import post_id_of
from common.streams import Decision, Due, StateKey

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
MISSES_PER_AGE = 4
"""How often TikTok may answer without the video before the next age: after 5, 10 and 20 seconds."""

Decided = Decision[states.Video]


def decide(
    ages: Sequence[int], key: StateKey, state: states.Video | None, fact: facts.Fact | Due, now: UtcDatetime
) -> Decided:
    """Return the state after the fact, and the events to publish with it. `ages` is the schedule, in seconds."""
    match state:
        case None:
            return _start(ages, fact)
        case states.Collecting():
            return _on_fact_while_collecting(ages, key, state, fact, now)
        case states.AwaitingCredential():
            return _on_fact_while_awaiting_credential(state, fact)
        case states.Finished():
            return Decision(state=None) if isinstance(fact, Due) else unchanged(state)


def unchanged(state: states.Video | None) -> Decided:
    """Return the state as it is. For facts that come twice, late, or mean nothing in this state."""
    return Decision(state=state)


def _start(ages: Sequence[int], fact: facts.Fact | Due) -> Decided:
    if not isinstance(fact, facts.BecameAvailable):
        return unchanged(None)
    return Decision(
        state=states.Collecting(tenant=fact.tenant, video_ids=fact.video_ids, available_at=fact.at, next_age=ages[0])
    )


def _on_fact_while_collecting(
    ages: Sequence[int], key: StateKey, state: states.Collecting, fact: facts.Fact | Due, now: UtcDatetime
) -> Decided:
    match fact:
        case facts.Collected() | facts.NotVisible() | facts.CollectionRefused() | facts.RetryableFailure():
            return _on_call_result(ages, key, state, fact, now)
        case facts.NoCredential(version=version):
            return Decision(state=states.AwaitingCredential(then=state, newer_than=version, since=now))
        case facts.CredentialRejected(version=version, at=at):
            # Without this event auth would not know that TikTok no longer takes the token.
            called = replace(state, called_at=at)
            awaiting = states.AwaitingCredential(then=called, newer_than=version, since=now)
            return Decision(state=awaiting, events=(_rejected(key, fact),))
        case facts.BecameAvailable(video_ids=ids):
            return Decision(state=_with_ids(state, ids))
        case facts.CredentialSeen() | Due():
            return unchanged(state)


def _on_call_result(
    ages: Sequence[int], key: StateKey, state: states.Collecting, result: facts.CallResult, now: UtcDatetime
) -> Decided:
    # After a takeover the same call may have run twice: the second result is for an age that is done.
    if result.age != state.next_age:
        return unchanged(state)
    called = replace(state, called_at=result.at)
    match result:
        case facts.Collected():
            return Decision(state=_next_age(ages, called, now), events=_collected(key, state, result))
        case facts.NotVisible():
            # A video may become visible some seconds after TikTok named it, or never: a few tries are worth it.
            missed = replace(called, misses=state.misses + 1)
            over = missed.misses >= MISSES_PER_AGE
            return Decision(state=_next_age(ages, missed, now) if over else _try_again(missed, now))
        # The refusal may hold for this age only, so the next one tries again.
        case facts.CollectionRefused():
            return Decision(state=_next_age(ages, called, now))
        # No limit of tries: an outage ends, and `_next_age` then skips the ages that passed in it.
        case facts.RetryableFailure():
            return Decision(state=_try_again(called, now))


def _on_fact_while_awaiting_credential(state: states.AwaitingCredential, fact: facts.Fact | Due) -> Decided:
    match fact:
        case facts.CredentialSeen(version=version) if version > state.newer_than:
            return Decision(state=state.then)
        case facts.BecameAvailable(video_ids=ids):
            return Decision(state=replace(state, then=_with_ids(state.then, ids)))
        # `plans.CREDENTIAL_WAIT_LIMIT` has passed: the account will hardly be connected again.
        case Due():
            return Decision(state=None)
        case facts.Collected() | facts.NotVisible() | facts.CollectionRefused() | facts.RetryableFailure():
            return unchanged(state)
        case facts.CredentialRejected() | facts.NoCredential() | facts.CredentialSeen():
            return unchanged(state)


def _next_age(ages: Sequence[int], state: states.Collecting, now: UtcDatetime) -> states.Collecting | states.Finished:
    # A clock that runs behind may show a time before this age: without the maximum, the age would be collected twice.
    elapsed = max(now - state.available_at, timedelta(seconds=state.next_age))
    age = age_after(ages, elapsed)
    if age is None:
        return states.Finished(tenant=state.tenant, at=now, called_at=state.called_at)
    return replace(state, next_age=age, tries=0, misses=0, retry_at=None)


def _try_again(state: states.Collecting, now: UtcDatetime) -> states.Collecting:
    delay = backoff.exponential(FIRST_RETRY, LONGEST_RETRY, state.tries)
    return replace(state, tries=state.tries + 1, retry_at=now + delay)


def _with_ids(state: states.Collecting, ids: tuple[str, ...]) -> states.Collecting:
    # In a stable order: one call takes the first 20 ids, and these must stay the same ones.
    return replace(state, video_ids=tuple(dict.fromkeys((*state.video_ids, *ids))))


def _rejected(key: StateKey, fact: facts.CredentialRejected) -> TokenRejected:
    return TokenRejected(
        account_id=key.partition_key, version=fact.version, code=fact.code, service=service.NAME, at=fact.at
    )


def _collected(key: StateKey, state: states.Collecting, fact: facts.Collected) -> tuple[MetricsCollected, ...]:
    # The real age and not the planned one: after an outage or a retry the call is late.
    age = int((fact.at - state.available_at).total_seconds())
    return tuple(
        MetricsCollected(
            account_id=key.partition_key,
            post_id=post_id_of(key),
            tenant=state.tenant,
            video_id=video.id,
            at=fact.at,
            # The clock here may be behind that of the publisher, which dated `post.available`.
            age_seconds=max(age, 0),
            view_count=video.view_count,
            like_count=video.like_count,
            comment_count=video.comment_count,
            share_count=video.share_count,
            share_url=video.share_url,
        )
        for video in fact.videos
    )
