"""A worker's process: partitions come and go, standstill ends it, outcomes that were paid for are passed on."""

import asyncio
from collections.abc import Sequence

import pytest

from common.contract.body import Body
from common.streams import LogUnavailable, Record
from common.streams.engine.watchdog import PartitionStalled
from common.streams.engine.worker import TaskVanished
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryReader, MemoryStore, MemoryWriter, NoFaults
from common.streams.log.port import TransactionInDoubt
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json
from harness.stream_worker import HandingOffProcessor, MovableMembership, start_worker


def test_a_partition_that_leaves_and_comes_back_goes_on() -> None:
    async def main() -> None:
        store, effects, membership, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            MovableMembership(),
            asyncio.Event(),
        )
        worker, running = await start_worker(MemoryLog(store), effects, membership, stop)
        ready = [worker.ready]
        membership.give(0)
        await asyncio.sleep(0.5)
        ready.append(worker.ready)
        assert ready == [False, True]
        append_requests(store, request_json("a"))
        await asyncio.sleep(0.5)
        membership.give()
        await asyncio.sleep(0.5)
        assert worker.tasks == {}
        append_requests(store, request_json("b"))
        membership.give(0)
        await asyncio.sleep(0.5)
        assert events_in(store) == [("a", 1), ("b", 1)]
        stop.set()
        await running

    virtual_time.run(main())


def test_a_partition_that_comes_back_during_its_drain_is_not_taken_for_stuck() -> None:
    async def main() -> None:
        store, effects, membership, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            MovableMembership(),
            asyncio.Event(),
        )
        await asyncio.sleep(1000)

        async def answer_late(_key: object, _effect: object) -> None:
            await asyncio.sleep(8)

        effects.hook = answer_late
        append_requests(store, request_json("a"))
        membership.give(0)
        machine = HandingOffProcessor()
        worker, running = await start_worker(MemoryLog(store), effects, membership, stop, machine=machine)
        membership.give()
        await asyncio.sleep(0.1)
        membership.give(0)
        await asyncio.sleep(5)
        assert not running.done()
        ready = [worker.ready]
        await asyncio.sleep(5)
        ready.append(worker.ready)
        assert ready == [False, True]
        assert events_in(store) == [("a", 1)]
        stop.set()
        await running

    virtual_time.run(main())


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


def test_standing_still_ends_the_process_loudly() -> None:
    async def main() -> None:
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual_time.clock), Away())
        _, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), asyncio.Event())
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(PartitionStalled, match="Partition 0 made no progress for 3")
        assert 30 <= asyncio.get_running_loop().time() < 40

    virtual_time.run(main())


def test_an_outage_of_the_log_alone_ends_nothing() -> None:
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


def test_a_standstill_counts_from_when_the_log_answers_again() -> None:
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


def test_a_process_that_was_frozen_goes_on() -> None:
    async def main() -> None:
        loop, stop, weather = asyncio.get_running_loop(), asyncio.Event(), Away()
        assert isinstance(loop, virtual_time.VirtualLoop)
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual_time.clock), weather)
        worker, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), stop)
        for _ in range(3):
            loop.skip(28)
            await asyncio.sleep(6)
        assert not running.done()
        weather.back = True
        await asyncio.sleep(5)
        assert worker.ready
        stop.set()
        await running

    virtual_time.run(main())


def test_a_standstill_counts_after_an_outage_as_before_it() -> None:
    async def main() -> None:
        log = Returning(MemoryStore(partitions=1, clock=virtual_time.clock), Away())
        _, running = await start_worker(log, RecordingEffects(), FixedMembership([0]), asyncio.Event())
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(PartitionStalled)
        assert 30 <= asyncio.get_running_loop().time() - log.back < 40

    virtual_time.run(main())


class Leaky(NoFaults):
    """A client that lets the cancellation of a task of its own out."""

    def __init__(self, step: str) -> None:
        self._step = step

    async def before(self, step: str) -> None:
        if step == self._step:
            raise asyncio.CancelledError


@pytest.mark.parametrize("step", ["open writer", "open reader", "ends", "commit"])
def test_a_partition_that_ends_by_itself_ends_the_process_loudly(step: str) -> None:
    async def main() -> None:
        store = MemoryStore(partitions=1, clock=virtual_time.clock)
        append_requests(store, request_json("a"))
        _, running = await start_worker(
            MemoryLog(store, Leaky(step)), RecordingEffects(), FixedMembership([0]), asyncio.Event()
        )
        with pytest.raises(ExceptionGroup) as ended:
            await running
        assert ended.group_contains(TaskVanished, match="partition 0")

    virtual_time.run(main())


class DoubtfulOnce(NoFaults):
    """The first commit is in doubt."""

    def __init__(self) -> None:
        self._doubts = ["the first"]

    async def before(self, step: str) -> None:
        if step == "commit" and self._doubts:
            raise TransactionInDoubt(self._doubts.pop())


class Deaf(MemoryReader):
    async def fetch(self, max_wait: float) -> Sequence[Record]:
        try:
            return await super().fetch(max_wait)
        except asyncio.CancelledError:
            return ()


class DeafLog(MemoryLog):
    """A log whose readers swallow the one cancellation they get."""

    async def reader(self, *, low_latency: bool = False) -> MemoryReader:
        return Deaf(self._store, self._faults)


def test_a_partition_in_doubt_is_reopened_even_if_its_reader_is_deaf() -> None:
    async def main() -> None:
        store, stop = MemoryStore(partitions=1, clock=virtual_time.clock), asyncio.Event()
        append_requests(store, request_json("a"))
        _, running = await start_worker(DeafLog(store, DoubtfulOnce()), RecordingEffects(), FixedMembership([0]), stop)
        await asyncio.sleep(5)
        assert events_in(store) == [("a", 1)]
        stop.set()
        append_requests(store, request_json("b"))  # wakes the reader
        await running

    virtual_time.run(main())


def test_an_outcome_of_a_lost_partition_is_passed_on_even_if_the_log_is_away_for_a_while() -> None:
    async def main() -> None:
        store, effects, membership, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            MovableMembership(),
            asyncio.Event(),
        )
        answered, salvaged, refusals = asyncio.Event(), list[str](), [1, 2]

        async def answer_late(_key: object, _effect: object) -> None:
            await answered.wait()

        async def salvage(body: Body) -> None:
            if refusals:
                raise LogUnavailable(refusals.pop())
            salvaged.append(body.key)

        effects.hook = answer_late
        append_requests(store, request_json("a"))
        membership.give(0)
        _, running = await start_worker(
            MemoryLog(store), effects, membership, stop, machine=HandingOffProcessor(), salvage=salvage
        )
        await MemoryLog(store).writer("uploader-0")  # the successor
        membership.give()
        await asyncio.sleep(1)
        answered.set()
        await asyncio.sleep(30)
        assert salvaged == ["acc"]
        assert events_in(store) == []
        stop.set()
        await running

    virtual_time.run(main())


def test_a_log_that_lets_the_watchdog_wait_is_not_the_process_standing_still() -> None:
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
