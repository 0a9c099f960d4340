"""A queue of times to wake up at, in memory. It is rebuilt from the states whenever a task opens."""

import heapq
from typing import Generic, TypeVar

from common.clock import UtcDatetime

K = TypeVar("K")


class TimerQueue(Generic[K]):
    """Holds at most one time for each name. Setting a name again replaces its time."""

    def __init__(self) -> None:
        self._heap: list[tuple[UtcDatetime, int, K]] = []
        self._current: dict[K, tuple[UtcDatetime, int]] = {}
        self._count = 0

    def set(self, name: K, at: UtcDatetime) -> None:
        """Wake `name` up at this time."""
        if self._current.get(name, (None, 0))[0] == at:
            return
        self._count += 1
        # A replaced or cancelled entry stays in the heap until it comes to the top: finding it would cost a search.
        self._current[name] = (at, self._count)
        heapq.heappush(self._heap, (at, self._count, name))

    def cancel(self, name: K) -> None:
        """Do not wake `name` up."""
        self._current.pop(name, None)

    def next(self) -> UtcDatetime | None:
        """Return the earliest time, or None if no timer is set."""
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][:2]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: UtcDatetime) -> list[K]:
        """Remove and return every name whose time has come, earliest first."""
        names = []
        while (at := self.next()) is not None and at <= now:
            name = heapq.heappop(self._heap)[2]
            del self._current[name]
            names.append(name)
        return names
