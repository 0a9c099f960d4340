"""A queue of timers: finds what is due without looking at everything that waits."""

from heapq import heappop, heappush


class TimerQueue:
    """Numbers ordered by the time at which they are due; equal times by number."""

    def __init__(self) -> None:
        # A heap cannot delete from its middle. Moved and removed entries stay in it and are skipped when they surface.
        self._heap: list[tuple[float, int]] = []
        self._due_at: dict[int, float] = {}

    def schedule(self, number: int, due_at: float) -> None:
        """Make a number due at `due_at`, instead of any earlier time set for it."""
        self._due_at[number] = due_at
        heappush(self._heap, (due_at, number))

    def remove(self, number: int) -> None:
        """Forget a number; does nothing if it is not scheduled."""
        self._due_at.pop(number, None)

    def next_due(self) -> float | None:
        """Return when the next number is due, or None if nothing waits."""
        # Drop entries of numbers that were moved or removed.
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[int]:
        """Remove and return the numbers that are due at `now`, earliest first."""
        found = []
        while (due_at := self.next_due()) is not None and due_at <= now:
            _, number = heappop(self._heap)
            del self._due_at[number]
            found.append(number)
        return found
