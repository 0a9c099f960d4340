"""One task over a log in memory: what it promises when nothing and when everything goes wrong."""

import asyncio
from collections.abc import AsyncIterable
from datetime import timedelta
from random import Random

import structlog

from common.streams import StateKey
from common.streams.log.memory import MemoryLog, MemoryStore, NoFaults
from common.streams.log.port import TransactionInDoubt
from fakes.counting_processor import (
    Counting,
    CountingProcessor,
    RecordingEffects,
)
from harness import virtual_time
from harness.simulated_processes import Crashed, Faults, SimulatedProcess, adopt_tasks
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over


def test_task_acts_and_reports_once_per_request() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("a"), request_json("b"), request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert sorted(events_in(store)) == [("a", 1), ("a", 2), ("b", 1)]
        assert sorted(effects.acts) == [("a", 1), ("a", 2), ("b", 1)]

    virtual_time.run(main())


def test_task_reopened_continues_where_it_stopped() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert events_in(store) == [("a", 1), ("a", 2)]
        assert effects.acts == [("a", 1), ("a", 2)]

    virtual_time.run(main())


def test_task_shows_restored_states_before_effects() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        shown: list[tuple[int, list[tuple[StateKey, Counting]], int]] = []

        class Showing(CountingProcessor):
            async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, Counting]]) -> None:
                shown.append((partition, [entry async for entry in states], len(effects.acts)))

        for _ in range(2):
            append_requests(store, request_json("a"))
            await serve_for(task_over(MemoryLog(store), effects, processor=Showing()), 1)
        assert shown == [(0, [], 0), (0, [(StateKey("acc", "a"), Counting(asked=1, done=1))], 1)]

    virtual_time.run(main())


def test_task_fenced_starts_no_effect_until_reopened() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        first = task_over(MemoryLog(store), effects)
        stop = asyncio.Event()
        running = asyncio.create_task(first.run(stop))
        await asyncio.sleep(0.1)
        await MemoryLog(store).writer("uploader-0")
        append_requests(store, request_json("a"))
        await asyncio.sleep(0.001)
        assert effects.acts == []
        await asyncio.sleep(5)
        assert effects.acts == [("a", 1)]  # it reopened, since it did not learn that the partition is gone
        stop.set()
        await running

    virtual_time.run(main())


class CancelledInDoubt(NoFaults):
    """The committing task is cancelled at the moment when the transaction is in doubt."""

    def __init__(self) -> None:
        self.running: asyncio.Task[None] | None = None

    async def before(self, step: str) -> None:
        if step == "commit" and self.running is not None:
            self.running.cancel()
            raise TransactionInDoubt(step)


def test_task_cancelled_during_doubt_ends() -> None:
    async def main() -> None:
        store, faults = MemoryStore(partitions=1, clock=virtual_time.clock), CancelledInDoubt()
        append_requests(store, request_json("a"))
        faults.running = asyncio.create_task(
            task_over(MemoryLog(store, faults), RecordingEffects()).run(asyncio.Event())
        )
        await asyncio.wait((faults.running,), timeout=60)
        assert faults.running.cancelled()

    virtual_time.run(main())


def test_task_with_clock_behind_runs_at_half_speed() -> None:
    async def main() -> None:
        store, ahead = MemoryStore(partitions=1, clock=virtual_time.clock), timedelta(hours=1)
        append_requests(store, request_json("a"))
        fast = task_over(MemoryLog(store), RecordingEffects(), clock=lambda: virtual_time.clock() + ahead)
        await serve_for(fast, 1)
        task = task_over(MemoryLog(store), RecordingEffects())
        stop = asyncio.Event()
        running = asyncio.create_task(task.run(stop))
        minutes_ahead = []
        for _ in range(3):
            await asyncio.sleep(3600)
            minutes_ahead.append(round((task._clock.now() - virtual_time.clock()).total_seconds() / 60))
        assert minutes_ahead == [30, 0, 0]
        stop.set()
        await running

    with structlog.testing.capture_logs() as lines:
        virtual_time.run(main())
    (warning,) = (line for line in lines if line["event"] == "clock_behind_state")
    assert round(warning["seconds"] / 60) == 60


def rough_run(seed: int) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Twenty requests through processes that die, doubt and freeze, until the effects calms down."""

    async def main() -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        adopt_tasks(asyncio.get_running_loop())
        random = Random(seed)
        faults = Faults(random, calm_after=20)
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, *(request_json(f"p{random.randrange(5)}") for _ in range(20)))

        async def serve(process: SimulatedProcess) -> None:
            # However often others get their turns while a partition opens, and in between.
            await task_over(MemoryLog(store, process), effects, seed, yield_every=1 + seed % 4).run(asyncio.Event())

        for life in range(8):
            process = SimulatedProcess(f"uploader/{life}", faults, serve)
            await asyncio.sleep(random.uniform(0.5, 10) if life < 7 else 60)
            process.crash()
            await process.ended()
        return events_in(store), effects.acts

    return virtual_time.run(main())


def test_task_crashes_neither_lose_nor_double_anything() -> None:
    for seed in range(60):
        events, _ = rough_run(seed)
        posts = {post for post, _ in events}
        assert len(events) == 20, f"seed {seed}"
        for post in posts:
            numbers = [number for name, number in events if name == post]
            assert numbers == list(range(1, len(numbers) + 1)), f"seed {seed}"


def test_task_replays_a_seed_exactly() -> None:
    assert rough_run(7) == rough_run(7)


def test_task_of_dead_process_cannot_reach_the_log() -> None:
    async def main() -> str:
        adopt_tasks(asyncio.get_running_loop())
        store = MemoryStore(partitions=1, clock=virtual_time.clock)
        raised: list[str] = []

        async def try_after_death(process: SimulatedProcess) -> None:
            process.dead = True
            try:
                await MemoryLog(store, process).writer("w")
            except Crashed:
                raised.append("crashed")

        process = SimulatedProcess("p", Faults(Random(1), calm_after=0), try_after_death)
        await process.ended()
        return raised[0]

    assert virtual_time.run(main()) == "crashed"
