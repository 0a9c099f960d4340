"""Which calls of an account may start within its share of TikTok's limit."""

from datetime import UTC, datetime, timedelta

from analytics_service import states
from analytics_service.admission import AT_ONCE, CALLS_PER_WINDOW, WINDOW, admit
from analytics_service.effects import Collect
from common.streams import EffectRequest, EntityGroup, StateKey

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def asked(seconds_ago: float, tries: int = 0) -> states.Collecting:
    called_at = NOW - timedelta(seconds=seconds_ago)
    return states.Collecting(
        tenant="shop", video_ids=("7",), available_at=NOW, next_age=60, tries=tries, called_at=called_at
    )


def request(name: str, overdue: float) -> EffectRequest[Collect]:
    due = NOW - timedelta(seconds=overdue)
    return EffectRequest(StateKey("acc_1", name), Collect(tenant="shop", video_ids=("7",), age=60, due=due))


def group(posts: dict[str, states.Video], running: tuple[str, ...] = ()) -> EntityGroup[states.Video]:
    return EntityGroup(partition_key="acc_1", states=posts, running=running)


def test_admit_starts_longest_overdue_and_only_a_few() -> None:
    requests = [request("a", 1), request("b", 9), request("c", 5), request("d", 7)]
    admission = admit(group({}), requests, NOW)
    assert [key.entity_id for key in admission.start] == ["b", "d", "c"]
    assert len(admission.start) == AT_ONCE
    assert admission.retry_at is None


def test_admit_counts_running_calls() -> None:
    admission = admit(group({}, ("x", "y")), [request("a", 1), request("b", 9)], NOW)
    assert [key.entity_id for key in admission.start] == ["b"]


def test_admit_does_not_start_running_post_again() -> None:
    assert admit(group({}, ("a",)), [request("a", 1)], NOW).start == ()


def test_admit_waits_once_the_window_is_full() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30 - number / 10) for number in range(CALLS_PER_WINDOW)}
    admission = admit(group(posts), [request("a", 1)], NOW)
    assert admission.start == ()
    assert admission.retry_at == NOW - timedelta(seconds=30) + WINDOW


def test_admit_uses_last_free_call_of_window() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30) for number in range(CALLS_PER_WINDOW - 1)}
    admission = admit(group(posts), [request("a", 1), request("b", 2)], NOW)
    assert [key.entity_id for key in admission.start] == ["b"]
    assert admission.retry_at == NOW + timedelta(seconds=30)


def test_admit_ignores_calls_before_window() -> None:
    posts: dict[str, states.Video] = {str(number): asked(60) for number in range(CALLS_PER_WINDOW)}
    assert len(admit(group(posts), [request("a", 1)], NOW).start) == 1


def test_admit_counts_failed_tries_and_every_state() -> None:
    posts: dict[str, states.Video] = {str(number): asked(30, tries=3) for number in range(24)}
    posts["awaiting"] = states.AwaitingCredential(then=asked(20), newer_than=1, since=NOW)
    posts["finished"] = states.Finished(tenant="shop", at=NOW, called_at=NOW - timedelta(seconds=20))
    assert len(admit(group(posts), [request(str(n), n) for n in range(3)], NOW).start) == 2
