"""Three workers of one group: who owns which partitions, and what becomes of it when one dies, sleeps or comes back."""

import asyncio
from collections.abc import Mapping

from soak.worker import SESSION_SECONDS, SoakProcess

HEARTBEAT_SECONDS = 1.0


class Coordinator:
    """Kafka's part: static members keep their partitions for one session; the silent ones' go to the others."""

    def __init__(self, members: Mapping[str, "StaticMember"], *, partitions: int) -> None:
        self._seats = members
        self._partitions = partitions
        self.rebalances = 0

    async def run(self) -> None:
        """Hear heartbeats and hand out partitions, for ever."""
        loop = asyncio.get_running_loop()
        assigned: dict[str, frozenset[int]] = {}
        while True:
            for seat in self._seats.values():
                if seat.running:
                    seat.last_heartbeat = loop.time()
            alive = [name for name, seat in self._seats.items() if loop.time() - seat.last_heartbeat < SESSION_SECONDS]
            wanted = {
                name: frozenset(range(place, self._partitions, len(alive))) for place, name in enumerate(sorted(alive))
            }
            # A rebalance waits for every member that is in its session: who sleeps keeps what it has until that ends.
            if wanted != assigned and all(self._seats[name].running for name in alive):
                self.rebalances += 1
                assigned = wanted
            for name, seat in self._seats.items():
                # Who sleeps hears nothing and goes on as if it were an owner: a zombie until it wakes.
                if seat.process is not None and seat.running:
                    seat.process.assign(assigned.get(name, frozenset()))
            await asyncio.sleep(HEARTBEAT_SECONDS)


class StaticMember:
    """A static member's place in the group, whatever process sits there now."""

    def __init__(self) -> None:
        self.process: SoakProcess | None = None
        self.last_heartbeat = float("-inf")

    @property
    def running(self) -> bool:
        """Whether somebody sits there and runs."""
        return self.process is not None and self.process.running
