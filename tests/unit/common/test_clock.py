"""A clock that never goes back, and elapsed time that counts the pauses of the machine."""

from datetime import UTC, datetime, timedelta

import pytest

from common.clock import ClockReading, MonotonicClock, elapsed_seconds, read_system_clocks

T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(ClockReading(13, 103), 3), (ClockReading(13, 160), 60), (ClockReading(40, 101), 30), (ClockReading(13, 40), 3)],
    ids=["both go on", "the wall clock is set forward", "it had stopped", "it is set back"],
)
def test_elapsed_seconds_is_the_larger_of_both_clocks(after: ClockReading, seconds: float) -> None:
    assert elapsed_seconds(ClockReading(10, 100), after) == seconds


def test_read_system_clocks_go_forward() -> None:
    before = read_system_clocks()
    assert elapsed_seconds(before, read_system_clocks()) >= 0


class TwoClocks:
    """The machine's clock and the loop's, both moved by the test."""

    def __init__(self) -> None:
        self.wall, self.loop = T0, 0.0

    def advance(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.loop += seconds

    def clock(self) -> MonotonicClock:
        return MonotonicClock(lambda: self.wall, lambda: self.loop)


def test_monotonic_clock_shows_the_machines_time() -> None:
    clocks = TwoClocks()
    clock = clocks.clock()
    assert clock.now() == T0
    clocks.advance(10)
    assert clock.now() == T0 + timedelta(seconds=10)


def test_monotonic_clock_runs_slowly_until_caught_up() -> None:
    clocks = TwoClocks()
    clock = clocks.clock()
    assert clock.start_from(T0 + timedelta(seconds=60)) == timedelta(seconds=60)
    clocks.advance(60)
    assert clock.now() == T0 + timedelta(seconds=90)
    clocks.advance(60)
    assert clock.now() == T0 + timedelta(seconds=120)
    clocks.advance(1)
    assert clock.now() == T0 + timedelta(seconds=121)


def test_monotonic_clock_set_back_does_not_go_back() -> None:
    clocks = TwoClocks()
    clock = clocks.clock()
    clock.now()
    clocks.wall -= timedelta(hours=1)
    clocks.advance(10)
    assert clock.now() == T0 + timedelta(seconds=5)


def test_monotonic_clock_start_in_the_past_changes_nothing() -> None:
    clocks = TwoClocks()
    clock = clocks.clock()
    assert clock.start_from(T0 - timedelta(seconds=1)) == timedelta(0)
    assert clock.now() == T0
