"""Tasks follow the partitions that come and go."""

import asyncio

from common.streams.log.memory import MemoryLog, MemoryStore
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json
from harness.stream_worker import HandingOffProcessor, MovableMembership, start_worker


def test_assignment_returning_partition_continues() -> None:
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


def test_assignment_return_during_drain_is_no_stall() -> None:
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
        worker, running = await start_worker(
            MemoryLog(store), effects, membership, stop, processor=HandingOffProcessor()
        )
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
