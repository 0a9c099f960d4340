"""A worker ends loudly when a part of it vanishes, and hands off results that must not be lost."""

import asyncio
from datetime import UTC, datetime

import pytest

from common.contract.account import TokenRejected
from common.contract.body import Body
from common.streams import LogUnavailable
from common.streams.engine import worker as worker_module
from common.streams.engine.worker import TaskVanished
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryStore, NoFaults
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json
from harness.stream_worker import HandingOffProcessor, MovableMembership, start_worker


class Leaky(NoFaults):
    """A client that lets the cancellation of a task of its own out."""

    def __init__(self, step: str) -> None:
        self._step = step

    async def before(self, step: str) -> None:
        if step == self._step:
            raise asyncio.CancelledError


@pytest.mark.parametrize("step", ["open writer", "open reader", "ends", "commit"])
def test_worker_ends_when_a_task_cancels_itself(step: str) -> None:
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


def test_worker_hands_off_results_once_the_log_is_back() -> None:
    async def main() -> None:
        store, effects, membership, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            MovableMembership(),
            asyncio.Event(),
        )
        answered, handed_off, refusals = asyncio.Event(), list[str](), [1, 2]

        async def answer_late(_key: object, _effect: object) -> None:
            await answered.wait()

        async def salvage(body: Body) -> None:
            if refusals:
                raise LogUnavailable(refusals.pop())
            handed_off.append(body.key)

        effects.hook = answer_late
        append_requests(store, request_json("a"))
        membership.give(0)
        _, running = await start_worker(
            MemoryLog(store), effects, membership, stop, processor=HandingOffProcessor(), hand_off=salvage
        )
        await MemoryLog(store).writer("uploader-0")  # the successor
        membership.give()
        await asyncio.sleep(1)
        answered.set()
        await asyncio.sleep(30)
        assert handed_off == ["acc"]
        assert events_in(store) == []
        stop.set()
        await running

    virtual_time.run(main())


@pytest.mark.parametrize("turns", range(8))
def test_worker_killed_while_starting_leaves_no_coroutine(turns: int) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual_time.clock))
        starting = asyncio.create_task(start_worker(log, RecordingEffects(), FixedMembership([0]), asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in (killed := asyncio.all_tasks() - before):
            task.cancel()
        await asyncio.gather(*killed, return_exceptions=True)
        # A coroutine that was made and never awaited would warn here, and warnings are errors.
        assert starting.cancelled()

    virtual_time.run(main())


def test_worker_without_hand_off_names_the_event() -> None:
    async def main() -> None:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        rejected = TokenRejected(account_id="acc", version=1, code="c", service="s", at=now)
        with pytest.raises(TypeError, match="hands off TokenRejected, but `run_worker` was given no `hand_off`"):
            await worker_module._refuse_hand_off(rejected)

    virtual_time.run(main())
