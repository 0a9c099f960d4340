"""The next effect of every state, and how the delays between polls grow."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from common.contract.post import FINISHED_POST_RETENTION, PrivacyLevel
from common.streams import Due, StateKey, Wait
from publisher_service import states
from publisher_service.decisions import decide
from publisher_service.effects import Poll
from publisher_service.plans import next_effect, next_poll_at

KEY = StateKey("acc_a", "t1/post-1")
THEN = datetime(2027, 1, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(seconds=10)
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "v_pub_file~v2-1.7", "revision": 4}
FOLLOWING = states.Following(
    **COMMON,
    privacy_level=PrivacyLevel.PUBLIC_TO_EVERYONE,
    handed_over_at=THEN,
    next_at=LATER,
    account_paused_until=None,
)
PUBLISHED = states.Published(**COMMON, published_at=THEN, next_at=LATER)
POLL = Poll(publish_id="v_pub_file~v2-1.7", attempt=2)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("state", "now", "wanted"),
    [
        (FOLLOWING, THEN, Wait(LATER)),
        (FOLLOWING, LATER, POLL),
        (PUBLISHED, THEN, Wait(LATER)),
        (PUBLISHED, LATER, POLL),
        (states.AwaitingCredential(then=FOLLOWING, newer_than=1), LATER, Wait(THEN + DAY)),
        (
            states.AwaitingCredential(then=replace(FOLLOWING, unresolved=True), newer_than=1),
            LATER,
            Wait(THEN + 30 * DAY),
        ),
        (states.AwaitingCredential(then=PUBLISHED, newer_than=1), LATER, Wait(THEN + 2 * DAY)),
        (states.Returned(**COMMON, at=THEN), LATER, Wait(THEN + FINISHED_POST_RETENTION)),
        (states.Closed(**COMMON, at=THEN, verdict=states.Verdict.FAILED), LATER, Wait(THEN + FINISHED_POST_RETENTION)),
    ],
)
def test_next_effect_in_every_state(state: states.Post, now: datetime, wanted: Poll | Wait) -> None:
    assert next_effect(KEY, state, now) == wanted


@pytest.mark.parametrize(
    "state",
    [
        states.AwaitingCredential(then=FOLLOWING, newer_than=1),
        states.AwaitingCredential(then=replace(FOLLOWING, unresolved=True), newer_than=1),
        states.AwaitingCredential(then=PUBLISHED, newer_than=1),
        states.Returned(**COMMON, at=THEN),
        states.Closed(**COMMON, at=THEN, verdict=states.Verdict.FAILED),
    ],
)
def test_wait_that_is_over_is_not_waited_for_again(state: states.Post) -> None:
    wait = next_effect(KEY, state, THEN)
    assert isinstance(wait, Wait)

    after = decide(KEY, state, Due(), wait.until).state

    assert after is None or next_effect(KEY, after, wait.until) != wait


def waits(state: states.Following | states.Published, count: int, now: datetime = THEN) -> list[float]:
    return [(next_poll_at(KEY, replace(state, polls=polls), now) - now).total_seconds() for polls in range(count)]


def test_delays_for_verdict_grow_from_two_seconds_to_a_minute() -> None:
    seconds = waits(FOLLOWING, 200)
    assert 2 <= seconds[0] <= 2.5
    assert all(later > earlier for earlier, later in pairwise(seconds[:8]))
    assert max(seconds) <= 60
    assert min(seconds[20:]) >= 48


def test_delays_while_unresolved_grow_to_an_hour() -> None:
    a_day_later = waits(FOLLOWING, 200, THEN + DAY)
    refused = waits(replace(FOLLOWING, refusals=5), 200)
    for seconds in (a_day_later, refused):
        assert 0.8 * 3600 <= seconds[-1] <= 3600


def test_delays_for_ids_grow_from_seconds_to_hours() -> None:
    seconds = waits(PUBLISHED, 200)
    assert 2 <= seconds[0] <= 2.5
    assert 1.6 * 3600 <= seconds[-1] <= 2 * 3600


def test_delays_for_more_ids_are_at_least_an_hour() -> None:
    assert min(waits(replace(PUBLISHED, video_ids=("71",)), 200)) >= 3600


def test_jitter_differs_by_post_and_stays_the_same() -> None:
    times = {next_poll_at(StateKey("acc_a", f"post-{number}"), FOLLOWING, THEN) for number in range(100)}
    assert len(times) == 100
    assert next_poll_at(KEY, FOLLOWING, THEN) == next_poll_at(KEY, FOLLOWING, THEN)
