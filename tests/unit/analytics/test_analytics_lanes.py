"""How an account's share of TikTok's query quota is kept, and how the schedule of ages is read."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics_service import states
from analytics_service.admission import AT_ONCE, CALLS_PER_WINDOW, WINDOW, admit
from analytics_service.effects import Collect
from analytics_service.errors import InvalidAges
from analytics_service.schedule import age_after, parse_ages
from common.streams import EffectRequest, EntityGroup, StateKey

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def asked(seconds_ago: float, tries: int = 0) -> states.Collecting:
    called_at = NOW - timedelta(seconds=seconds_ago)
    return states.Collecting(
        tenant="shop", video_ids=("7",), available_at=NOW, next_age=60, tries=tries, called_at=called_at
    )


def wish(item: str, overdue: float) -> EffectRequest[Collect]:
    due = NOW - timedelta(seconds=overdue)
    return EffectRequest(StateKey("acc_1", item), Collect(tenant="shop", video_ids=("7",), age=60, due=due))


def lane(posts: dict[str, states.Video], running: tuple[str, ...] = ()) -> EntityGroup[states.Video]:
    return EntityGroup(partition_key="acc_1", states=posts, running=running)


def test_the_longest_overdue_go_first_and_only_a_few_at_once() -> None:
    wishes = [wish("a", 1), wish("b", 9), wish("c", 5), wish("d", 7)]
    admission = admit(lane({}), wishes, NOW)
    assert [key.entity_id for key in admission.start] == ["b", "d", "c"]
    assert len(admission.start) == AT_ONCE
    assert admission.retry_at is None


def test_running_calls_take_their_place() -> None:
    admission = admit(lane({}, ("x", "y")), [wish("a", 1), wish("b", 9)], NOW)
    assert [key.entity_id for key in admission.start] == ["b"]


def test_a_running_post_is_not_started_again() -> None:
    assert admit(lane({}, ("a",)), [wish("a", 1)], NOW).start == ()


def test_a_spent_minute_is_waited_out() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30 - number / 10) for number in range(CALLS_PER_WINDOW)}
    admission = admit(lane(posts), [wish("a", 1)], NOW)
    assert admission.start == ()
    assert admission.retry_at == NOW - timedelta(seconds=30) + WINDOW


def test_the_last_free_call_of_a_minute_is_used() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30) for number in range(CALLS_PER_WINDOW - 1)}
    admission = admit(lane(posts), [wish("a", 1), wish("b", 2)], NOW)
    assert [key.entity_id for key in admission.start] == ["b"]
    assert admission.retry_at == NOW + timedelta(seconds=30)


def test_calls_of_an_older_minute_do_not_count() -> None:
    posts: dict[str, states.Video] = {str(number): asked(60) for number in range(CALLS_PER_WINDOW)}
    assert len(admit(lane(posts), [wish("a", 1)], NOW).start) == 1


def test_failed_tries_and_calls_of_parked_and_finished_posts_count_too() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30, tries=3) for number in range(24)}
    posts["parked"] = states.Parked(collecting=asked(20), version=1, since=NOW)
    posts["finished"] = states.Finished(tenant="shop", at=NOW, called_at=NOW - timedelta(seconds=20))
    assert len(admit(lane(posts), [wish(str(n), n) for n in range(3)], NOW).start) == 2


def test_ages_are_read_in_seconds() -> None:
    assert parse_ages("30s, 5m,1h,2d") == (30, 300, 3600, 172800)


@pytest.mark.parametrize("text", ["", "5", "5m,", "5m,1m", "5m,5m", "1w", "-5m", "1.5h"])
def test_ages_that_make_no_schedule_are_refused(text: str) -> None:
    with pytest.raises(InvalidAges, match="rise and look like"):
        parse_ages(text)


def test_the_next_age_is_always_in_the_future() -> None:
    assert age_after((60, 300), timedelta(seconds=59.9)) == 60
    assert age_after((60, 300), timedelta(seconds=60)) == 300
    assert age_after((60, 300), timedelta(seconds=300)) is None
