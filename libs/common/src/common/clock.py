"""Points in time as aware datetimes in UTC, and elapsed time that counts the pauses of the whole machine."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

UtcDatetime = datetime
Clock = Callable[[], UtcDatetime]


def system_clock() -> UtcDatetime:
    """Read the machine's clock, as an aware datetime in UTC."""
    return datetime.now(UTC)


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux the usual steady clock, which the event loop goes by too, stands still with a suspended machine."""


class ClockReading(NamedTuple):
    """One moment on two clocks, in seconds: one that nobody sets, and the machine's, which may be set."""

    steady: float
    wall: float


ReadClocks = Callable[[], ClockReading]
"""Tells which moment it is."""


def read_system_clocks() -> ClockReading:
    """Read the machine's clocks."""
    return ClockReading(time.clock_gettime(_STEADY), time.time())


def elapsed_seconds(before: ClockReading, after: ClockReading) -> float:
    """Return what the clock that went further shows.

    In a virtual machine that was paused, none may have run; the first sign of the pause is its clock being set forward.
    """
    return max(after.steady - before.steady, after.wall - before.wall)
