"""Yields to the event loop during long synchronous work, so that heartbeats and other partitions keep running."""

import asyncio
from collections.abc import Callable

YIELD_EVERY = 250
"""Items between two yields. One takes up to 25 µs, and every partition of a process may be at work at once."""


class Yielder:
    """Call `tick()` once for each item. Every `yield_every` items it awaits `sleep(0)` and reports progress."""

    def __init__(self, progress: Callable[[], None], yield_every: int = YIELD_EVERY) -> None:
        """Call `progress` at each yield: the watchdog must not take long work for a stall."""
        self._progress = progress
        self._yield_every = yield_every
        self._items = 0

    async def tick(self, items: int) -> None:
        """Count items that were worked on, and yield when it is time. Anything may have happened afterwards."""
        self._items += items
        if self._items >= self._yield_every:
            self._items = 0
            self._progress()
            await asyncio.sleep(0)
