"""A partition without progress ends the process; an outage or a freeze does not."""

import asyncio

import pytest

from common.streams import LogUnavailable
from common.streams.engine.watchdog import PartitionStalled
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryStore, MemoryWriter, NoFaults
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_worker import MovableMembership, start_worker


class Away(NoFaults):
    """A log whose writers cannot be opened, until it is back."""

    def __init__(self) -> None:
        self.back = False

    async def before(self, step: str) -> None:
        if step == "open writer" and not self.back:
            cause = "away"
            raise LogUnavailable(cause)


class UnreachableLog(MemoryLog):
    async def reachable(self) -> bool:
        return False


def test_watchdog_stalled_partition_ends_the_process() -> None:
    async def main() -> None:
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual_time.clock), Away())
        _, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), asyncio.Event())
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(PartitionStalled, match="Partition 0 made no progress for 3")
        assert 30 <= asyncio.get_running_loop().time() < 40

    virtual_time.run(main())


def test_watchdog_ignores_an_outage_of_the_log() -> None:
    async def main() -> None:
        log = UnreachableLog(MemoryStore(partitions=1, clock=virtual_time.clock), Away())
        stop = asyncio.Event()
        _, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), stop)
        await asyncio.sleep(600)
        assert not running.done()
        stop.set()
        await running

    virtual_time.run(main())


class Returning(MemoryLog):
    """A log that is away until `back`: it does not answer before, and then it answers what it was asked meanwhile."""

    back = 60.0

    async def reachable(self) -> bool:
        await asyncio.sleep(max(self.back - asyncio.get_running_loop().time(), 0))
        return True

    async def writer(self, name: str) -> MemoryWriter:
        await self.reachable()
        await asyncio.sleep(3)
        return await super().writer(name)


def test_watchdog_counts_a_stall_from_the_outage_end() -> None:
    async def main() -> None:
        stop = asyncio.Event()
        log = Returning(MemoryStore(partitions=1, clock=virtual_time.clock))
        worker, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), stop)
        await asyncio.sleep(log.back + 10)
        assert not running.done()
        assert worker.ready
        stop.set()
        await running

    virtual_time.run(main())


def test_watchdog_ignores_a_stall_of_a_frozen_process() -> None:
    async def main() -> None:
        loop, stop, faults = asyncio.get_running_loop(), asyncio.Event(), Away()
        assert isinstance(loop, virtual_time.VirtualLoop)
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual_time.clock), faults)
        worker, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), stop)
        for _ in range(3):
            loop.skip(28)
            await asyncio.sleep(6)
        assert not running.done()
        faults.back = True
        await asyncio.sleep(5)
        assert worker.ready
        stop.set()
        await running

    virtual_time.run(main())


def test_watchdog_finds_a_stall_after_an_outage() -> None:
    async def main() -> None:
        log = Returning(MemoryStore(partitions=1, clock=virtual_time.clock), Away())
        _, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), asyncio.Event())
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(PartitionStalled)
        assert 30 <= asyncio.get_running_loop().time() - log.back < 40

    virtual_time.run(main())


def test_watchdog_slow_probe_is_no_pause_of_the_process() -> None:
    async def main() -> None:
        membership, stop = MovableMembership(), asyncio.Event()
        membership.give(0)
        log = Returning(MemoryStore(partitions=1, clock=virtual_time.clock))
        worker, running = await start_worker(log, RecordingEffects(), membership, stop)
        await asyncio.sleep(log.back + 10)
        assert not running.done()
        assert worker.ready
        stop.set()
        await running

    virtual_time.run(main())
