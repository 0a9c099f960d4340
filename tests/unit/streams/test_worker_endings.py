"""Ends of a process that nobody asked for: it stood still for its session, or was killed as it began."""

import asyncio

import pytest

from common.clock import ClockReading, elapsed_seconds, read_system_clocks
from common.streams import TopicPartition
from common.streams.engine.watchdog import SessionExpired
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryStore, NoFaults
from fakes.counting_processor import RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over
from harness.stream_worker import HandingOffProcessor, MovableMembership, start_worker

STANDS_FROM = 2.0


@pytest.mark.parametrize("seconds", [9, 10])
def test_a_process_that_stood_still_for_its_session_settles_what_it_has_and_ends(seconds: int) -> None:
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
            MemoryLog(store), effects, membership, stop, machine=HandingOffProcessor(), pause=stand_still
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


@pytest.mark.parametrize("turns", range(8))
def test_a_process_that_is_killed_while_it_starts_leaves_nothing_behind(turns: int) -> None:
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


class Clocks:
    """The machine's clocks as a test wants them: ahead of the loop's, which a suspended machine does not see pass."""

    def __init__(self) -> None:
        self.suspended = 0.0
        self.set_forward = 0.0

    def read(self) -> ClockReading:
        steady = asyncio.get_running_loop().time() + self.suspended
        return ClockReading(steady, steady + self.set_forward)


async def owning(
    store: MemoryStore, effects: RecordingEffects, clocks: Clocks, stop: asyncio.Event
) -> asyncio.Task[None]:
    membership = MovableMembership()
    membership.give(0)
    _, running = await start_worker(MemoryLog(store), effects, membership, stop, moment=clocks.read)
    return running


@pytest.mark.parametrize("way", ["suspended", "set_forward"])
def test_a_process_that_was_suspended_begins_nothing_and_ends(way: str) -> None:
    async def main() -> None:
        store, effects, clocks = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects(), Clocks()
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


def test_a_clock_that_was_set_ends_one_process_and_not_its_successor() -> None:
    async def main() -> None:
        store, effects, clocks, stop = (
            MemoryStore(partitions=1, clock=virtual_time.clock),
            RecordingEffects(),
            Clocks(),
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


def test_a_clock_that_is_set_back_before_the_next_beat_does_not_leave_a_process_without_work() -> None:
    async def main() -> None:
        store, effects, clocks = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects(), Clocks()
        running = await owning(store, effects, clocks, asyncio.Event())
        await asyncio.sleep(5.1)
        clocks.set_forward = 11.0
        append_requests(store, request_json("a"))
        await asyncio.sleep(0.1)  # somebody found the session over, and had every partition given up
        clocks.set_forward = 0.0
        await asyncio.wait((running,), timeout=60)
        assert isinstance(running.exception(), SessionExpired)
        assert effects.acts == []

    virtual_time.run(main())


@pytest.mark.parametrize(("seconds", "reopened"), [(9.0, 0), (11.0, 1)])
@pytest.mark.parametrize("way", ["suspended", "set_forward"])
def test_a_commit_during_which_the_machine_was_suspended_is_in_doubt(way: str, seconds: float, reopened: int) -> None:
    async def main() -> None:
        clocks = Clocks()

        class Suspending(NoFaults):
            async def after(self, step: str) -> None:
                if step == "commit" and not getattr(clocks, way):
                    setattr(clocks, way, seconds)

        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        task = task_over(MemoryLog(store, Suspending()), effects, moment=clocks.read)
        append_requests(store, request_json("a"))
        await serve_for(task, 5)
        assert task.reopenings == reopened
        assert events_in(store) == [("a", 1)]

    virtual_time.run(main())


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(ClockReading(13, 103), 3), (ClockReading(13, 160), 60), (ClockReading(40, 101), 30), (ClockReading(13, 40), 3)],
    ids=["both go on", "the wall clock is set forward", "it had stopped", "it is set back"],
)
def test_what_passed_is_what_the_clock_shows_that_went_further(after: ClockReading, seconds: float) -> None:
    assert elapsed_seconds(ClockReading(10, 100), after) == seconds


def test_the_machines_clocks_go_forward() -> None:
    before = read_system_clocks()
    assert elapsed_seconds(before, read_system_clocks()) >= 0
