"""A process that was paused for its session ends, whichever clock shows it."""

import asyncio

import pytest

from common.streams import TopicPartition
from common.streams.engine.watchdog import SessionExpired
from common.streams.log.memory import MemoryLog, MemoryStore
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json
from harness.stream_worker import HandingOffProcessor, MovableMembership, PausableClocks, start_worker

STANDS_FROM = 2.0


@pytest.mark.parametrize("seconds", [9, 10])
def test_watchdog_paused_process_settles_and_ends(seconds: int) -> None:
    async def main() -> None:
        store, effects, stop = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects(), asyncio.Event()
        membership = MovableMembership()

        async def stand_still(ordinary: float) -> None:
            await asyncio.sleep(ordinary)
            now = asyncio.get_running_loop().time()
            if now >= STANDS_FROM:
                await asyncio.sleep(max(STANDS_FROM + seconds - now, 0))

        async def answer_late(_key: object, _effect: object) -> None:
            await asyncio.sleep(14)

        effects.hook = answer_late
        membership.give(0)
        _, running = await start_worker(
            MemoryLog(store), effects, membership, stop, processor=HandingOffProcessor(), pause=stand_still
        )
        append_requests(store, request_json("a"))
        await asyncio.sleep(30)
        assert running.done() == (seconds >= membership.session_seconds)
        assert events_in(store), "what was under way is settled first"
        if running.done():
            with pytest.raises(SessionExpired, match=r"paused for 10 s.* session lasts 10 s"):
                await running
        stop.set()
        await asyncio.gather(running, return_exceptions=True)

    virtual_time.run(main())


async def owning(
    store: MemoryStore, effects: RecordingEffects, clocks: PausableClocks, stop: asyncio.Event
) -> asyncio.Task[None]:
    membership = MovableMembership()
    membership.give(0)
    _, running = await start_worker(MemoryLog(store), effects, membership, stop, read_clocks=clocks.read)
    return running


@pytest.mark.parametrize("way", ["suspended", "set_forward"])
def test_watchdog_suspended_process_starts_no_effect(way: str) -> None:
    async def main() -> None:
        store, effects, clocks = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            PausableClocks(),
        )
        running = await owning(store, effects, clocks, asyncio.Event())
        setattr(clocks, way, 11.0)
        # Taken and committed before the heart's next beat, which is half a second away.
        append_requests(store, request_json("a"))
        await asyncio.wait((running,), timeout=60)
        assert running.done(), "it did not find out"
        with pytest.raises(SessionExpired, match=r"paused for 1[01] s, or the machine's clock jumped forward by that"):
            await running
        assert store.records[TopicPartition("uploader.state", 0)]
        assert effects.acts == []

    virtual_time.run(main())


def test_watchdog_clock_jump_ends_one_process_only() -> None:
    async def main() -> None:
        store, effects, clocks, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            PausableClocks(),
            asyncio.Event(),
        )
        first = await owning(store, effects, clocks, stop)
        clocks.set_forward = 50 * 365 * 86_400.0
        await asyncio.wait((first,), timeout=60)
        assert isinstance(first.exception(), SessionExpired)
        second = await owning(store, effects, clocks, stop)
        append_requests(store, request_json("a"))
        await asyncio.sleep(30)
        clocks.set_forward = 0.0
        await asyncio.sleep(30)
        assert events_in(store) == [("a", 1)]
        assert not second.done()
        stop.set()
        await second

    virtual_time.run(main())


def test_watchdog_clock_set_back_still_ends_the_process() -> None:
    async def main() -> None:
        store, effects, clocks = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            PausableClocks(),
        )
        running = await owning(store, effects, clocks, asyncio.Event())
        await asyncio.sleep(5.1)
        clocks.set_forward = 11.0
        append_requests(store, request_json("a"))
        await asyncio.sleep(0.1)  # a check finds the session expired and stops every task
        clocks.set_forward = 0.0
        await asyncio.wait((running,), timeout=60)
        assert isinstance(running.exception(), SessionExpired)
        assert effects.acts == []

    virtual_time.run(main())
