"""What comes up at which moment, found without looking at everything that waits."""

from heapq import heappop, heappush


class TimerQueue:
    """Numbers by their moments; those of one moment come in their own order."""

    def __init__(self) -> None:
        # Entries that were moved or struck out stay in the heap until their old moment comes.
        self._heap: list[tuple[float, int]] = []
        self._due_at: dict[int, float] = {}

    def schedule(self, number: int, moment: float) -> None:
        """It comes up then, and at no other moment any more."""
        self._due_at[number] = moment
        heappush(self._heap, (moment, number))

    def remove(self, number: int) -> None:
        """It does not come up."""
        self._due_at.pop(number, None)

    def next_due(self) -> float | None:
        """When something comes up next."""
        while self._heap and self._due_at.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> list[int]:
        """What has come up by now, earliest first; it does so once."""
        found = []
        while (moment := self.next_due()) is not None and moment <= now:
            _, number = heappop(self._heap)
            del self._due_at[number]
            found.append(number)
        return found
