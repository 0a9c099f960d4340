"""What each post wants next, how its waits grow, and how many of an account's posts may ask."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from common.contract.post import PrivacyLevel
from common.streams import Admission, Due, EffectRequest, EntityGroup, StateKey, Wait
from publisher_service import states
from publisher_service.admission import ACCOUNT_RESTS, POLLS_PER_MINUTE, admit
from publisher_service.decisions import decide
from publisher_service.effects import Poll
from publisher_service.facts import Completed, RateLimited, StillProcessing
from publisher_service.plans import REMEMBER_FOR, next_effect, next_look

KEY = StateKey("acc_a", "t1/post-1")
THEN = datetime(2027, 1, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(seconds=10)
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "v_pub_file~v2-1.7", "revision": 4}
FOLLOWING = states.Following(
    **COMMON,
    privacy_level=PrivacyLevel.PUBLIC_TO_EVERYONE,
    handed_over_at=THEN,
    next_at=LATER,
    account_rests_until=None,
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
        (states.AwaitingCredential(then=replace(FOLLOWING, doubtful=True), newer_than=1), LATER, Wait(THEN + 30 * DAY)),
        (states.AwaitingCredential(then=PUBLISHED, newer_than=1), LATER, Wait(THEN + 2 * DAY)),
        (states.Returned(**COMMON, at=THEN), LATER, Wait(THEN + REMEMBER_FOR)),
        (states.Closed(**COMMON, at=THEN, verdict=states.Verdict.FAILED), LATER, Wait(THEN + REMEMBER_FOR)),
    ],
)
def test_what_a_post_wants(state: states.Post, now: datetime, wanted: Poll | Wait) -> None:
    assert next_effect(KEY, state, now) == wanted


@pytest.mark.parametrize(
    "state",
    [
        states.AwaitingCredential(then=FOLLOWING, newer_than=1),
        states.AwaitingCredential(then=replace(FOLLOWING, doubtful=True), newer_than=1),
        states.AwaitingCredential(then=PUBLISHED, newer_than=1),
        states.Returned(**COMMON, at=THEN),
        states.Closed(**COMMON, at=THEN, verdict=states.Verdict.FAILED),
    ],
)
def test_a_wait_that_is_over_changes_the_state_so_that_it_is_not_waited_for_again(state: states.Post) -> None:
    wait = next_effect(KEY, state, THEN)
    assert isinstance(wait, Wait)

    after = decide(KEY, state, Due(), wait.until).state

    assert after is None or next_effect(KEY, after, wait.until) != wait


def waits(state: states.Following | states.Published, count: int, now: datetime = THEN) -> list[float]:
    return [(next_look(KEY, replace(state, polls=polls), now) - now).total_seconds() for polls in range(count)]


def test_waits_for_a_verdict_grow_from_two_seconds_to_a_minute() -> None:
    seconds = waits(FOLLOWING, 200)
    assert 2 <= seconds[0] <= 2.5
    assert all(later > earlier for earlier, later in pairwise(seconds[:8]))
    assert max(seconds) <= 60
    assert min(seconds[20:]) >= 48


def test_waits_in_doubt_grow_to_an_hour() -> None:
    a_day_later = waits(FOLLOWING, 200, THEN + DAY)
    refused = waits(replace(FOLLOWING, refusals=5), 200)
    for seconds in (a_day_later, refused):
        assert 0.8 * 3600 <= seconds[-1] <= 3600


def test_waits_for_ids_grow_from_seconds_to_hours() -> None:
    seconds = waits(PUBLISHED, 200)
    assert 2 <= seconds[0] <= 2.5
    assert 1.6 * 3600 <= seconds[-1] <= 2 * 3600


def test_more_ids_are_looked_for_only_now_and_then() -> None:
    assert min(waits(replace(PUBLISHED, video_ids=("71",)), 200)) >= 3600


def test_posts_drift_apart_and_each_waits_the_same_whenever_it_is_asked() -> None:
    times = {next_look(StateKey("acc_a", f"post-{number}"), FOLLOWING, THEN) for number in range(100)}
    assert len(times) == 100
    assert next_look(KEY, FOLLOWING, THEN) == next_look(KEY, FOLLOWING, THEN)


def lane(posts: dict[str, states.Post], running: tuple[str, ...] = ()) -> EntityGroup[states.Post]:
    return EntityGroup(partition_key="acc_a", states=posts, running=running)


def wish(item: str) -> EffectRequest[Poll]:
    return EffectRequest(StateKey("acc_a", item), POLL)


def test_posts_without_a_verdict_ask_first_and_the_longest_waiting_of_them() -> None:
    posts: dict[str, states.Post] = {
        "early-id": replace(PUBLISHED, next_at=THEN),
        "late": replace(FOLLOWING, next_at=LATER),
        "early": replace(FOLLOWING, next_at=THEN),
    }
    assert admit(lane(posts), [wish(item) for item in posts], LATER) == Admission(start=(StateKey("acc_a", "early"),))


def test_one_post_of_an_account_asks_at_a_time() -> None:
    posts: dict[str, states.Post] = {"a": FOLLOWING, "b": FOLLOWING}
    assert admit(lane(posts, running=("a",)), [wish("b")], LATER) == Admission(start=())


def test_nobody_asks_where_nobody_wishes_to() -> None:
    assert admit(lane({"a": FOLLOWING}), [], LATER) == Admission(start=())


@pytest.mark.parametrize(
    "rested",
    [
        replace(FOLLOWING, account_rests_until=LATER),
        replace(PUBLISHED, account_rests_until=LATER),
        states.AwaitingCredential(then=replace(PUBLISHED, account_rests_until=LATER), newer_than=1),
        states.Returned(**COMMON, at=THEN, account_rests_until=LATER),
        states.Closed(**COMMON, at=THEN, verdict=states.Verdict.PUBLISHED, account_rests_until=LATER),
    ],
)
def test_every_state_remembers_until_when_the_account_rests(rested: states.Post) -> None:
    posts: dict[str, states.Post] = {"a": rested, "b": FOLLOWING}
    assert admit(lane(posts), [wish("b")], THEN) == Admission(start=(), retry_at=LATER)
    assert admit(lane(posts), [wish("b")], LATER) == Admission(start=(StateKey("acc_a", "b"),))


def test_many_posts_of_an_account_stay_within_its_share_of_the_status_budget() -> None:
    posts: dict[str, states.Post] = {f"post-{number}": replace(FOLLOWING, next_at=THEN) for number in range(40)}
    now, asked = THEN, []
    while now < THEN + timedelta(minutes=5):
        wishes = [wish(item) for item, state in posts.items() if isinstance(next_effect(KEY, state, now), Poll)]
        admission = admit(lane(posts), wishes, now)
        for key in admission.start:
            asked.append(now)
            fact = Completed(attempt=2) if len(asked) % 3 else StillProcessing(attempt=2)
            after = decide(key, posts[key.entity_id], fact, now).state
            assert after is not None
            posts[key.entity_id] = after
        now += timedelta(milliseconds=100)

    busiest = max(sum(start <= at < start + timedelta(minutes=1) for at in asked) for start in asked)
    assert POLLS_PER_MINUTE - 2 <= busiest <= POLLS_PER_MINUTE


def test_after_a_429_the_whole_account_rests_a_minute() -> None:
    limited = decide(KEY, FOLLOWING, RateLimited(attempt=2), LATER).state
    assert isinstance(limited, states.Following)
    assert limited.account_rests_until == LATER + timedelta(minutes=1)
    assert limited.next_at >= LATER + timedelta(minutes=1)


def test_after_an_answer_the_account_rests_for_its_share() -> None:
    for fact in (Completed(attempt=2), StillProcessing(attempt=2)):
        state = decide(KEY, FOLLOWING, fact, LATER).state
        assert isinstance(state, states.Following | states.Published)
        assert state.account_rests_until == LATER + ACCOUNT_RESTS
