"""Times that something waits for: a heap in memory, rebuilt from the states whenever a task opens."""

import heapq
from typing import Generic, TypeVar

from common.clock import UtcDatetime

K = TypeVar("K")


class TimerQueue(Generic[K]):
    """At most one time for each name; setting it again replaces it."""

    def __init__(self) -> None:
        self._heap: list[tuple[UtcDatetime, int, K]] = []
        self._current: dict[K, tuple[UtcDatetime, int]] = {}
        self._count = 0

    def set(self, name: K, at: UtcDatetime) -> None:
        """Wait for `at`."""
        if self._current.get(name, (None, 0))[0] == at:
            return
        self._count += 1
        self._current[name] = (at, self._count)
        heapq.heappush(self._heap, (at, self._count, name))

    def cancel(self, name: K) -> None:
        """Wait no longer."""
        self._current.pop(name, None)

    def next(self) -> UtcDatetime | None:
        """Return the earliest time waited for."""
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: UtcDatetime) -> list[K]:
        """Take out every name whose time has come, earliest first."""
        names = []
        while (at := self.next()) is not None and at <= now:
            name = heapq.heappop(self._heap)[2]
            del self._current[name]
            names.append(name)
        return names
