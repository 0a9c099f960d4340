"""The stand-in's own time: real, faster or slower, or standing still until somebody moves it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

# A real clock may be set meanwhile, and no timer reaches for ever.
MAX_SLEEP_SECONDS: Final = 3_600.0


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How time goes on: from `moment`, which was when the real clock said `since`, at `factor` times its pace."""

    real_time: float
    sandbox_time: float
    factor: float = 1.0
    manual: bool = False

    @property
    def speed(self) -> float:
        """Seconds for each real one."""
        return 0.0 if self.manual else self.factor


class Clock:
    """Seconds since the epoch, at a pace of their own; they never go back."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        real = source()
        self._pace = Pace(real_time=real, sandbox_time=real)
        self._moved = asyncio.Event()

    def now(self) -> float:
        """The present moment."""
        return self._time_at(self._source())

    def _time_at(self, real: float) -> float:
        return self._pace.sandbox_time + max(real - self._pace.real_time, 0) * self._pace.speed

    @property
    def pace(self) -> Pace:
        """How time goes on, to be kept over a restart."""
        return self._pace

    @property
    def ahead(self) -> float:
        """How far it is before the real clock."""
        real = self._source()
        return self._pace.sandbox_time - self._pace.real_time + (real - self._pace.real_time) * (self._pace.speed - 1)

    def resume(self, pace: Pace) -> None:
        """Go on as if the stand-in had run all the time: what stood still stands still."""
        self._set_pace(pace)

    def advance(self, seconds: float) -> float:
        """Move forward, never back, and tell the new moment."""
        if seconds < 0:
            message = "time only moves forward"
            raise ValueError(message)
        pace = self._pace
        moment = pace.sandbox_time + seconds
        self._set_pace(Pace(real_time=pace.real_time, sandbox_time=moment, factor=pace.factor, manual=pace.manual))
        return self.now()

    def change_pace(self, *, factor: float | None = None, manual: bool | None = None) -> float:
        """From now on pass so many seconds for each real one, or none at all; what is not named stays."""
        if factor is not None and not 0 < factor < float("inf"):
            message = "a factor is more than nothing"
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
        self._pace = pace
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_until(self, moment: float) -> None:
        """Return once that moment has come, by itself or because somebody moved the clock."""
        while (left := moment - self.now()) > 0:
            moved, speed = self._moved, self._pace.speed
            nap = min(left / speed, MAX_SLEEP_SECONDS) if speed else MAX_SLEEP_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(nap):
                    await moved.wait()


def describe(clock: Clock) -> dict[str, object]:
    """The clock as the admin API shows it."""
    pace = clock.pace
    return {"now": clock.now(), "ahead": clock.ahead, "factor": pace.factor, "manual": pace.manual}


def pace_label(pace: Pace) -> str:
    """How time goes on, for people; nothing to say when it is as usual."""
    if pace.manual:
        return "stopped"
    return "" if pace.factor == 1 else f"{pace.factor:g} times faster"
