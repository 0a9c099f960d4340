"""What each fact changes in each state of collecting, and which events are published."""

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest

from analytics_service import facts, states
from analytics_service.decisions import FIRST_RETRY, LONGEST_RETRY, MISSES_PER_AGE, decide
from common.contract.account import TokenRejected
from common.contract.metrics import MetricsCollected
from common.streams import Due, StateKey
from tiktok import models

AGES = (60, 300, 3600)
T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = StateKey(partition_key="acc_1", entity_id="shop/post-1")
STATS = models.Video(
    id="7512345678901234567",
    create_time=1,
    view_count=10,
    like_count=2,
    comment_count=1,
    share_count=0,
    share_url="https://www.tiktok.com/@a/video/7512345678901234567",
)
YOUNG = states.Collecting(tenant="shop", video_ids=(STATS.id,), available_at=T0, next_age=60)
AWAITING = states.AwaitingCredential(then=YOUNG, newer_than=3, since=T0)
FINISHED = states.Finished(tenant="shop", at=T0)
AVAILABLE = facts.BecameAvailable(tenant="shop", video_ids=(STATS.id,), at=T0)

change = partial(decide, AGES, KEY)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def collected(age: int, seconds: float) -> facts.Collected:
    return facts.Collected(age=age, at=at(seconds), videos=(STATS,))


def test_available_post_starts_at_the_first_age() -> None:
    assert change(None, AVAILABLE, at(1)).state == YOUNG


def test_collected_publishes_one_event_per_video_with_age() -> None:
    second = dataclasses.replace(STATS, id="7599999999999999999")
    fact = facts.Collected(age=60, at=at(61.9), videos=(STATS, second))
    decision = change(YOUNG, fact, at(62))
    assert [event.video_id for event in decision.events if isinstance(event, MetricsCollected)] == [
        "7512345678901234567",
        "7599999999999999999",
    ]
    event = decision.events[0]
    assert isinstance(event, MetricsCollected)
    assert (event.account_id, event.post_id, event.tenant) == ("acc_1", "post-1", "shop")
    assert (event.at, event.age_seconds, event.view_count, event.share_url) == (at(61.9), 61, 10, STATS.share_url)


@pytest.mark.parametrize(
    ("when", "age"), [(60, 300), (299, 300), (300, 3600), (1000, 3600)], ids=["on time", "late", "missed", "missed 2"]
)
def test_missed_ages_are_skipped(when: float, age: int) -> None:
    state = change(YOUNG, collected(60, when), at(when)).state
    assert isinstance(state, states.Collecting)
    assert (state.next_age, state.called_at) == (age, at(when))


def test_last_age_finishes_post() -> None:
    last = msgspec.structs.replace(YOUNG, next_age=3600)
    assert change(last, collected(3600, 3601), at(3601)).state == states.Finished(
        tenant="shop", at=at(3601), called_at=at(3601)
    )


def test_clock_behind_does_not_collect_an_age_twice() -> None:
    state = change(YOUNG, collected(60, 30), at(30)).state
    assert isinstance(state, states.Collecting)
    assert state.next_age == 300


LATE = msgspec.structs.replace(YOUNG, next_age=300)
LATE_OR_ALIEN: list[tuple[states.Video, facts.Fact | Due]] = [
    (LATE, collected(60, 70)),
    (LATE, facts.NotVisible(age=60, at=at(70))),
    (LATE, facts.RetryableFailure(age=60, at=at(70), reason="reset")),
    (LATE, facts.CollectionRefused(age=60, at=at(70), code="invalid_params")),
    (YOUNG, facts.CredentialSeen(version=9)),
    (YOUNG, Due()),
    (YOUNG, AVAILABLE),
    (AWAITING, AVAILABLE),
    (AWAITING, collected(60, 61)),
    (AWAITING, facts.NotVisible(age=60, at=at(61))),
    (AWAITING, facts.RetryableFailure(age=60, at=at(61), reason="reset")),
    (AWAITING, facts.CollectionRefused(age=60, at=at(61), code="invalid_params")),
    (AWAITING, facts.NoCredential(version=3)),
    (AWAITING, facts.CredentialRejected(version=3, code="access_token_invalid", at=at(61))),
    (AWAITING, facts.CredentialSeen(version=3)),
    (FINISHED, AVAILABLE),
    (FINISHED, collected(3600, 3601)),
    (FINISHED, facts.NotVisible(age=3600, at=at(3601))),
    (FINISHED, facts.RetryableFailure(age=3600, at=at(3601), reason="reset")),
    (FINISHED, facts.CollectionRefused(age=3600, at=at(3601), code="x")),
    (FINISHED, facts.NoCredential(version=3)),
    (FINISHED, facts.CredentialRejected(version=3, code="access_token_invalid", at=at(61))),
    (FINISHED, facts.CredentialSeen(version=4)),
]


@pytest.mark.parametrize(("state", "fact"), LATE_OR_ALIEN, ids=lambda value: type(value).__name__)
def test_late_and_repeated_facts_change_nothing(state: states.Video, fact: facts.Fact | Due) -> None:
    decision = change(state, fact, at(80))
    assert (decision.state, decision.events) == (state, ())


@pytest.mark.parametrize(
    "fact",
    [collected(60, 61), facts.RetryableFailure(age=60, at=T0, reason="x"), facts.CredentialSeen(version=1), Due()],
    ids=lambda value: type(value).__name__,
)
def test_fact_for_forgotten_post_changes_nothing(fact: facts.Fact | Due) -> None:
    decision = change(None, fact, at(80))
    assert (decision.state, decision.events) == (None, ())


def test_more_ids_are_added_to_known_ones() -> None:
    more = dataclasses.replace(AVAILABLE, video_ids=("8", STATS.id))
    state = change(YOUNG, more, at(10)).state
    awaiting = change(AWAITING, more, at(10)).state
    assert isinstance(state, states.Collecting)
    assert isinstance(awaiting, states.AwaitingCredential)
    assert state.video_ids == awaiting.then.video_ids == (STATS.id, "8")


def test_retryable_failures_back_off_and_never_give_up() -> None:
    state, now, delays = YOUNG, at(60), []
    for _ in range(40):
        decided = change(state, facts.RetryableFailure(age=60, at=now, reason="reset"), now).state
        assert isinstance(decided, states.Collecting)
        assert decided.retry_at is not None
        delays.append(decided.retry_at - now)
        state, now = decided, decided.retry_at
    assert delays[:3] == [FIRST_RETRY, FIRST_RETRY * 2, FIRST_RETRY * 4]
    assert delays[-1] == LONGEST_RETRY
    assert state.next_age == 60


def test_video_not_visible_waits_for_next_age_after_four_misses() -> None:
    state: states.Video | None = YOUNG
    for miss in range(MISSES_PER_AGE):
        assert isinstance(state, states.Collecting)
        assert (state.next_age, state.misses) == (60, miss)
        state = change(state, facts.NotVisible(age=60, at=at(61 + miss)), at(61 + miss)).state
    assert isinstance(state, states.Collecting)
    assert (state.next_age, state.misses, state.tries, state.retry_at) == (300, 0, 0, None)


def test_refusal_skips_to_next_age() -> None:
    state = change(YOUNG, facts.CollectionRefused(age=60, at=at(61), code="invalid_params"), at(61)).state
    assert isinstance(state, states.Collecting)
    assert state.next_age == 300


def test_rejected_token_is_reported_to_auth_and_awaited() -> None:
    fact = facts.CredentialRejected(version=3, code="access_token_invalid", at=at(61))
    decision = change(YOUNG, fact, at(62))
    called = msgspec.structs.replace(YOUNG, called_at=at(61))
    assert decision.state == states.AwaitingCredential(then=called, newer_than=3, since=at(62))
    assert decision.events == (
        TokenRejected(account_id="acc_1", version=3, code="access_token_invalid", service="analytics", at=at(61)),
    )


def test_no_credential_is_awaited_without_event() -> None:
    decision = change(YOUNG, facts.NoCredential(version=3), at(62))
    assert decision.state == states.AwaitingCredential(then=YOUNG, newer_than=3, since=at(62))
    assert decision.events == ()


@pytest.mark.parametrize("state", [AWAITING, FINISHED])
def test_wait_that_is_over_forgets_post(state: states.Video) -> None:
    assert change(state, Due(), at(0)).state is None
