"""How long something took, time included in which the whole machine was suspended."""

import time
from collections.abc import Callable
from typing import NamedTuple

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
