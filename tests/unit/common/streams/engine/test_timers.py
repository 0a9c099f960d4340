"""A timer queue returns names in the order of their times."""

from datetime import UTC, datetime, timedelta

from common.streams.engine.timers import TimerQueue

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def test_timers_come_in_order_and_once() -> None:
    timers: TimerQueue[str] = TimerQueue()
    timers.set("late", at(9))
    timers.set("early", at(1))
    assert timers.next() == at(1)
    assert timers.due(at(10)) == ["early", "late"]
    assert timers.due(at(10)) == []


def test_timers_set_again_replaces_the_time() -> None:
    timers: TimerQueue[str] = TimerQueue()
    timers.set("a", at(1))
    timers.set("a", at(5))
    assert timers.due(at(4)) == []
    assert timers.due(at(5)) == ["a"]


def test_timers_cancelled_is_never_due() -> None:
    timers: TimerQueue[str] = TimerQueue()
    timers.set("a", at(1))
    timers.cancel("a")
    assert timers.next() is None
