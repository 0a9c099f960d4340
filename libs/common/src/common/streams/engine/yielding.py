"""Long stretches of work, in pieces: whatever else runs in the process gets on in between."""

import asyncio
from collections.abc import Callable

YIELD_EVERY = 250
"""States that are looked at in one go. Up to 25 µs each, and every partition of a process may be at it at once."""


class Yielder:
    """Gives way now and then to all that waits for its turn: the heart, Kafka's heartbeat, other partitions."""

    def __init__(self, progress: Callable[[], None], stretch: int = YIELD_EVERY) -> None:
        """Call `progress` each time: who gives way gets on, and a watchdog has nothing to complain of."""
        self._progress = progress
        self._stretch = stretch
        self._steps = 0

    async def tick(self, steps: int) -> None:
        """Count steps that were made, and give way once they are a stretch. Anything may have happened then."""
        self._steps += steps
        if self._steps >= self._stretch:
            self._steps = 0
            self._progress()
            await asyncio.sleep(0)
