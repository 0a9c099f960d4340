"""Ends of a process that nobody asked for: it stood still for its session, or was killed as it began."""

import asyncio

import pytest

from common.streams.membership import FixedMembership
from common.streams.memory import MemoryLog, MemoryStore
from common.streams.worker import Lapsed
from simulation import virtual
from unit.streams.test_task import ask, events, request
from unit.streams.test_worker import Wandering, machine_that_salvages, start
from unit.streams.toys import World

STANDS_FROM = 2.0


@pytest.mark.parametrize("seconds", [9, 10])
def test_a_process_that_stood_still_for_its_session_settles_what_it_has_and_ends(seconds: int) -> None:
    async def main() -> None:
        store, world, stop = MemoryStore(partitions=1, clock=virtual.clock), World(), asyncio.Event()
        membership = Wandering()

        async def stand_still(ordinary: float) -> None:
            await asyncio.sleep(ordinary)
            now = asyncio.get_running_loop().time()
            if now >= STANDS_FROM:
                await asyncio.sleep(max(STANDS_FROM + seconds - now, 0))

        async def answer_late(_key: object, _effect: object) -> None:
            await asyncio.sleep(14)

        world.hook = answer_late
        membership.give(0)
        _, running = await start(
            MemoryLog(store), world, membership, stop, machine=machine_that_salvages(), pause=stand_still
        )
        ask(store, request("a"))
        await asyncio.sleep(30)
        assert running.done() == (seconds >= membership.session_seconds)
        assert events(store), "what was under way is settled first"
        if running.done():
            with pytest.raises(Lapsed, match="stood still for 10 s; the group waits 10 s"):
                await running
        stop.set()
        await asyncio.gather(running, return_exceptions=True)

    virtual.run(main())


@pytest.mark.parametrize("turns", range(8))
def test_a_process_that_is_killed_while_it_starts_leaves_nothing_behind(turns: int) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        log = MemoryLog(MemoryStore(partitions=1, clock=virtual.clock))
        starting = asyncio.create_task(start(log, World(), FixedMembership([0]), asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in (killed := asyncio.all_tasks() - before):
            task.cancel()
        await asyncio.gather(*killed, return_exceptions=True)
        # A coroutine that was made and never awaited would warn here, and warnings are errors.
        assert starting.cancelled()

    virtual.run(main())
