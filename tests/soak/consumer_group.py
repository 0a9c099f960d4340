"""A simulated consumer group: which of its members owns which partitions."""

import asyncio
from collections.abc import Mapping

from soak.worker import SESSION_SECONDS, SoakProcess

HEARTBEAT_SECONDS = 1.0


class Coordinator:
    """The group coordinator. A static member keeps its partitions for one session without a heartbeat."""

    def __init__(self, members: Mapping[str, "StaticMember"], *, partitions: int) -> None:
        self._members = members
        self._partitions = partitions
        self.rebalances = 0

    async def run(self) -> None:
        """Receive heartbeats and assign partitions, for ever."""
        loop = asyncio.get_running_loop()
        assigned: dict[str, frozenset[int]] = {}
        while True:
            for member in self._members.values():
                if member.running:
                    member.last_heartbeat = loop.time()
            alive = [
                name for name, member in self._members.items() if loop.time() - member.last_heartbeat < SESSION_SECONDS
            ]
            wanted = {
                name: frozenset(range(index, self._partitions, len(alive))) for index, name in enumerate(sorted(alive))
            }
            # A rebalance waits for every member: a paused one keeps its partitions until its session ends.
            if wanted != assigned and all(self._members[name].running for name in alive):
                self.rebalances += 1
                assigned = wanted
            for name, member in self._members.items():
                # A paused member receives no assignment and acts as an owner when it continues: a zombie.
                if member.process is not None and member.running:
                    member.process.assign(assigned.get(name, frozenset()))
            await asyncio.sleep(HEARTBEAT_SECONDS)


class StaticMember:
    """A static member of the group, and the process that has its place now."""

    def __init__(self) -> None:
        self.process: SoakProcess | None = None
        self.last_heartbeat = float("-inf")

    @property
    def running(self) -> bool:
        """Whether it has a process that runs."""
        return self.process is not None and self.process.running
