"""What comes up at which moment, found without looking at everything that waits."""

from heapq import heappop, heappush


class Agenda:
    """Numbers by their moments; those of one moment come in their own order."""

    def __init__(self) -> None:
        # Entries that were moved or struck out stay in the heap until their old moment comes.
        self._heap: list[tuple[float, int]] = []
        self._moments: dict[int, float] = {}

    def put(self, number: int, moment: float) -> None:
        """It comes up then, and at no other moment any more."""
        self._moments[number] = moment
        heappush(self._heap, (moment, number))

    def strike_out(self, number: int) -> None:
        """It does not come up."""
        self._moments.pop(number, None)

    def first(self) -> float | None:
        """When something comes up next."""
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[int]:
        """What has come up by now, earliest first; it does so once."""
        found = []
        while (moment := self.first()) is not None and moment <= now:
            _, number = heappop(self._heap)
            del self._moments[number]
            found.append(number)
        return found
