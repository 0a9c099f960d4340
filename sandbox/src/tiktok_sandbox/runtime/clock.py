"""The sandbox's own clock: real time, faster, slower, or stopped.

Everything waits by this clock: processing, token lifetimes, rate limits, webhooks. A test can therefore skip an
hour.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

# asyncio's timers count real seconds and miss a step of the real clock, so no sleep is longer than this.
MAX_SLEEP_SECONDS: Final = 3_600.0


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How fast the sandbox's time passes: `factor` seconds for each real second.

    Time counts from `sandbox_time`, which was the sandbox's time when the real clock showed `real_time`. This is all
    that must be saved to continue after a restart.
    """

    real_time: float
    sandbox_time: float
    factor: float = 1.0
    manual: bool = False

    @property
    def speed(self) -> float:
        """Sandbox seconds for each real second; 0 while time is stopped."""
        return 0.0 if self.manual else self.factor


class Clock:
    """Seconds since the epoch at a pace of their own. They never go back."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        real = source()
        self._pace = Pace(real_time=real, sandbox_time=real)
        self._moved = asyncio.Event()

    def now(self) -> float:
        """Return the present time in seconds since the epoch."""
        return self._time_at(self._source())

    def _time_at(self, real: float) -> float:
        """Return the sandbox's time at a reading of the real clock."""
        # The real clock may be set back; the sandbox's time must not follow it.
        return self._pace.sandbox_time + max(real - self._pace.real_time, 0) * self._pace.speed

    @property
    def pace(self) -> Pace:
        """The pace, to be saved over a restart."""
        return self._pace

    @property
    def ahead(self) -> float:
        """Seconds by which the sandbox's time is ahead of the real clock."""
        real = self._source()
        return self._pace.sandbox_time - self._pace.real_time + (real - self._pace.real_time) * (self._pace.speed - 1)

    def resume(self, pace: Pace) -> None:
        """Continue with a saved pace, as if the sandbox had run all the time.

        Stopped time stays stopped.
        """
        self._set_pace(pace)

    def advance(self, seconds: float) -> float:
        """Move time forward by `seconds` and return the new time.

        Raises:
            ValueError: `seconds` is negative.
        """
        if seconds < 0:
            message = f"Time moves only forward: {seconds}. Give a number of seconds that is not negative."
            raise ValueError(message)
        pace = self._pace
        when = pace.sandbox_time + seconds
        self._set_pace(Pace(real_time=pace.real_time, sandbox_time=when, factor=pace.factor, manual=pace.manual))
        return self.now()

    def change_pace(self, *, factor: float | None = None, manual: bool | None = None) -> float:
        """Change the pace from now on.

        An argument that is None keeps its value. Return the time.

        Raises:
            ValueError: `factor` is not a positive finite number.
        """
        if factor is not None and not 0 < factor < float("inf"):
            message = f"The factor is not positive and finite: {factor}. Give a number above 0."
            raise ValueError(message)
        pace, real = self._pace, self._source()
        self._set_pace(
            Pace(
                real_time=real,
                sandbox_time=self._time_at(real),
                factor=pace.factor if factor is None else factor,
                manual=pace.manual if manual is None else manual,
            )
        )
        return self.now()

    def _set_pace(self, pace: Pace) -> None:
        """Set the pace and wake up every sleeping task."""
        self._pace = pace
        # Sleeping tasks wake up and compute their remaining time again. A new event is needed because a set one stays
        # set.
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_until(self, when: float) -> None:
        """Return when the time has come, by itself or because a test moved the clock."""
        while (left := when - self.now()) > 0:
            moved, speed = self._moved, self._pace.speed
            nap = min(left / speed, MAX_SLEEP_SECONDS) if speed else MAX_SLEEP_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await moved.wait()


def describe(clock: Clock) -> dict[str, object]:
    """Return the clock as the admin API shows it."""
    pace = clock.pace
    return {"now": clock.now(), "ahead": clock.ahead, "factor": pace.factor, "manual": pace.manual}


def pace_label(pace: Pace) -> str:
    """Return the pace as a text for people; empty at normal speed."""
    if pace.manual:
        return "stopped"
    return "" if pace.factor == 1 else f"{pace.factor:g} times faster"
