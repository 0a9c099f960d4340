"""The stand-in's own time, which tests may move forward instead of waiting."""

import time
from collections.abc import Callable


class Clock:
    """Seconds since the epoch, plus whatever was advanced."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead = 0.0

    def now(self) -> float:
        """The present moment."""
        return self._source() + self._ahead

    def advance(self, seconds: float) -> float:
        """Move forward, never back, and tell the new moment."""
        if seconds < 0:
            message = "time only moves forward"
            raise ValueError(message)
        self._ahead += seconds
        return self.now()
