"""What a fact changes about collecting a post's numbers. Pure."""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from analytics_service import facts, service, states
from analytics_service.schedule import age_after
from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.metrics import MetricsCollected
from common.contract.state_keys import post_id_of
from common.streams import Decision, Due, StateKey

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=10)
MISSES_PER_AGE = 4
"""How often TikTok may answer without the video before its next age is waited for: 5, 10, 20 seconds apart."""

Decided = Decision[states.Video]
Answered = facts.Collected | facts.NotListed | facts.CollectRefused | facts.Unsettled


def decide(
    ages: Sequence[int], key: StateKey, state: states.Video | None, fact: facts.Fact | Due, now: UtcDatetime
) -> Decided:
    """What a fact changes. A fact that comes twice or late changes nothing."""
    match state:
        case None:
            return _begin(ages, fact)
        case states.Collecting():
            return _collecting(ages, key, state, fact, now)
        case states.Parked():
            return _parked(state, fact)
        case states.Finished():
            return _finished(state, fact)


def _begin(ages: Sequence[int], fact: facts.Fact | Due) -> Decided:
    match fact:
        case facts.BecameAvailable(tenant=tenant, video_ids=ids, at=at):
            return Decision(state=states.Collecting(tenant=tenant, video_ids=ids, available_at=at, next_age=ages[0]))
        case (
            facts.Collected()
            | facts.NotListed()
            | facts.CollectRefused()
            | facts.Unsettled()
            | facts.NoCredential()
            | facts.TokenRefused()
            | facts.CredentialSeen()
            | Due()
        ):
            return Decision(state=None)


def _collecting(
    ages: Sequence[int], key: StateKey, state: states.Collecting, fact: facts.Fact | Due, now: UtcDatetime
) -> Decided:
    match fact:
        case facts.Collected() | facts.NotListed() | facts.CollectRefused() | facts.Unsettled():
            return _answered(ages, key, state, fact, now)
        case facts.NoCredential(version=version):
            return Decision(state=states.Parked(collecting=state, version=version, since=now))
        case facts.TokenRefused(version=version, at=at):
            called = msgspec.structs.replace(state, called_at=at)
            parked = states.Parked(collecting=called, version=version, since=now)
            return Decision(state=parked, events=(_rejected(key, fact),))
        case facts.BecameAvailable(video_ids=ids):
            return Decision(state=_with_ids(state, ids))
        case facts.CredentialSeen() | Due():
            return Decision(state=state)


def _answered(
    ages: Sequence[int], key: StateKey, state: states.Collecting, fact: Answered, now: UtcDatetime
) -> Decided:
    if fact.age != state.next_age:
        return Decision(state=state)  # of an age that is over
    called = msgspec.structs.replace(state, called_at=fact.at)
    match fact:
        case facts.Collected():
            return Decision(state=_next_age(ages, called, now), events=_events(key, state, fact))
        case facts.NotListed():
            missed = msgspec.structs.replace(called, misses=state.misses + 1)
            given_up = missed.misses >= MISSES_PER_AGE
            return Decision(state=_next_age(ages, missed, now) if given_up else _try_again(missed, now))
        case facts.CollectRefused():
            return Decision(state=_next_age(ages, called, now))
        case facts.Unsettled():
            return Decision(state=_try_again(called, now))


def _parked(state: states.Parked, fact: facts.Fact | Due) -> Decided:
    match fact:
        case facts.CredentialSeen(version=version) if version > state.version:
            return Decision(state=state.collecting)
        case facts.BecameAvailable(video_ids=ids):
            return Decision(state=msgspec.structs.replace(state, collecting=_with_ids(state.collecting, ids)))
        case Due():
            return Decision(state=None)
        case (
            facts.Collected()
            | facts.NotListed()
            | facts.CollectRefused()
            | facts.Unsettled()
            | facts.NoCredential()
            | facts.TokenRefused()
            | facts.CredentialSeen()
        ):
            return Decision(state=state)


def _finished(state: states.Finished, fact: facts.Fact | Due) -> Decided:
    match fact:
        case Due():
            return Decision(state=None)
        case (
            facts.BecameAvailable()
            | facts.Collected()
            | facts.NotListed()
            | facts.CollectRefused()
            | facts.Unsettled()
            | facts.NoCredential()
            | facts.TokenRefused()
            | facts.CredentialSeen()
        ):
            return Decision(state=state)


def _next_age(ages: Sequence[int], state: states.Collecting, now: UtcDatetime) -> states.Collecting | states.Finished:
    age = age_after(ages, max(now - state.available_at, timedelta(seconds=state.next_age)))
    if age is None:
        return states.Finished(tenant=state.tenant, at=now, called_at=state.called_at)
    return msgspec.structs.replace(state, next_age=age, tries=0, misses=0, retry_at=None)


def _try_again(state: states.Collecting, now: UtcDatetime) -> states.Collecting:
    # The exponent is bounded because an outage may last for weeks.
    delay = min(FIRST_RETRY * 2 ** min(state.tries, 10), LONGEST_RETRY)
    return msgspec.structs.replace(state, tries=state.tries + 1, retry_at=now + delay)


def _with_ids(state: states.Collecting, ids: tuple[str, ...]) -> states.Collecting:
    return msgspec.structs.replace(state, video_ids=tuple(dict.fromkeys((*state.video_ids, *ids))))


def _rejected(key: StateKey, fact: facts.TokenRefused) -> TokenRejected:
    return TokenRejected(
        account_id=key.partition_key, version=fact.version, code=fact.code, service=service.NAME, at=fact.at
    )


def _events(key: StateKey, state: states.Collecting, fact: facts.Collected) -> tuple[MetricsCollected, ...]:
    age = int((fact.at - state.available_at).total_seconds())
    return tuple(
        MetricsCollected(
            account_id=key.partition_key,
            post_id=post_id_of(key),
            tenant=state.tenant,
            video_id=numbers.video_id,
            at=fact.at,
            age_seconds=max(age, 0),
            view_count=numbers.view_count,
            like_count=numbers.like_count,
            comment_count=numbers.comment_count,
            share_count=numbers.share_count,
            share_url=numbers.share_url,
        )
        for numbers in fact.numbers
    )
