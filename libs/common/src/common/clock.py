"""Time: aware datetimes in UTC, a clock that never goes back, and elapsed time that counts a machine's pauses."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

UtcDatetime = datetime
"""An aware datetime in UTC. A name of its own, so that a signature says which datetimes it takes."""
Clock = Callable[[], UtcDatetime]
"""Returns the current time. Passed in wherever time is read, so that tests and the simulation control it."""

_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux CLOCK_MONOTONIC, which the event loop uses too, stops while the machine is suspended."""


def system_clock() -> UtcDatetime:
    """Read the machine's clock."""
    return datetime.now(UTC)


class MonotonicClock:
    """A clock that never goes back, and never before a time that an earlier process has recorded.

    A partition moves between machines whose clocks differ. If the new owner's clock is behind, a plain clock would
    show times a second time: a timer that has fired would be in the future again. This one starts from the newest
    recorded time and runs at half speed until the machine's clock has caught up. No timer stops, and none fires early
    for ever.
    """

    def __init__(self, clock: Clock, loop_time: Callable[[], float]) -> None:
        self._clock = clock
        self._loop_time = loop_time
        self._floor: UtcDatetime | None = None
        self._floor_read_at = 0.0

    def now(self) -> UtcDatetime:
        """Return the machine's time, or the floor where the machine's clock is behind it."""
        now, read_at = self._clock(), self._loop_time()
        if self._floor is not None:
            # Half the elapsed time: the floor advances, and the clock, at full speed, still catches up with it.
            now = max(now, self._floor + timedelta(seconds=(read_at - self._floor_read_at) / 2))
        # A time that was returned once is the floor of all later ones.
        self._floor, self._floor_read_at = now, read_at
        return now

    def start_from(self, recorded: UtcDatetime) -> timedelta:
        """Show no time before `recorded` from now on. Return how far this clock is behind it, or zero."""
        behind = max(recorded - self.now(), timedelta(0))
        if behind:
            # `now()` has just noted the reading time, so the half speed counts from this moment.
            self._floor = recorded
        return behind


class ClockReading(NamedTuple):
    """One moment on two clocks, in seconds."""

    boot: float
    """Since the machine started, pauses included. Nothing sets it."""
    wall: float
    """Since 1970. It may be set forward or back."""


ReadClocks = Callable[[], ClockReading]
"""Reads both clocks. Passed in, so that tests can pause a machine."""


def read_system_clocks() -> ClockReading:
    """Read the machine's clocks."""
    return ClockReading(time.clock_gettime(_BOOT_CLOCK), time.time())


def elapsed_seconds(before: ClockReading, after: ClockReading) -> float:
    """Return the elapsed time: the larger of the boot-time clock's and the wall clock's.

    A paused virtual machine may stop both. The wall clock then jumps when the host corrects it, and that jump is how
    the pause is detected. A clock that is set forward by hand looks the same.
    """
    return max(after.boot - before.boot, after.wall - before.wall)
