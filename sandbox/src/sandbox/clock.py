"""The stand-in's own time, which tests may move forward instead of waiting."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress


class Clock:
    """Seconds since the epoch, plus whatever was advanced."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        """The present moment."""
        return self._source() + self._ahead

    @property
    def ahead(self) -> float:
        """How far it was moved forward in all."""
        return self._ahead

    def advance(self, seconds: float) -> float:
        """Move forward, never back, and tell the new moment."""
        if seconds < 0:
            message = "time only moves forward"
            raise ValueError(message)
        self._ahead += seconds
        self._moved.set()
        self._moved = asyncio.Event()
        return self.now()

    async def wait_until(self, moment: float) -> None:
        """Return once that moment has come, by itself or because somebody moved the clock."""
        while (left := moment - self.now()) > 0:
            moved = self._moved
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await moved.wait()
