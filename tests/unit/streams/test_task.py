"""One task over a log in memory: what it promises when nothing and when everything goes wrong."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
import structlog

from common.contract.topics import POST_REQUESTS
from common.streams import Record, StateKey, TopicPartition
from common.streams.engine.inputs import InputReader, QueuedFact
from common.streams.log.memory import MemoryLog, MemoryStore, NoFaults
from common.streams.log.port import OutgoingRecord, TransactionInDoubt
from fakes.counting_processor import (
    CRASHES_DECIDE,
    CRASHES_INTERPRET,
    CRASHES_TODO,
    Counting,
    CountingProcessor,
    RecordingEffects,
)
from harness import virtual_time
from harness.simulated_processes import Crashed, Faults, SimulatedProcess, adopt_tasks
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over


def reason_in(letter: Record) -> str:
    return (dict(letter.headers)["dlq_reason"] or b"").decode()


def test_each_request_is_acted_on_once_and_said_once() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("a"), request_json("b"), request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert sorted(events_in(store)) == [("a", 1), ("a", 2), ("b", 1)]
        assert sorted(effects.acts) == [("a", 1), ("a", 2), ("b", 1)]

    virtual_time.run(main())


def test_a_second_opening_goes_on_where_the_first_stopped() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert events_in(store) == [("a", 1), ("a", 2)]
        assert effects.acts == [("a", 1), ("a", 2)]

    virtual_time.run(main())


def test_what_was_read_back_is_shown_before_anything_is_done_with_it() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        shown: list[tuple[int, list[tuple[StateKey, Counting]], int]] = []

        class Showing(CountingProcessor):
            async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, Counting]]) -> None:
                shown.append((partition, [entry async for entry in states], len(effects.acts)))

        for _ in range(2):
            append_requests(store, request_json("a"))
            await serve_for(task_over(MemoryLog(store), effects, machine=Showing()), 1)
        assert shown == [(0, [], 0), (0, [(StateKey("acc", "a"), Counting(asked=1, done=1))], 1)]

    virtual_time.run(main())


def test_an_effect_starts_only_after_its_state_is_committed() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        seen = []

        async def look(_key: object, _effect: object) -> None:
            seen.append(len(store.records.get(TopicPartition("uploader.state", 0), [])))

        effects.hook = look
        append_requests(store, request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert seen == [2]  # the state and the position

    virtual_time.run(main())


def test_illegible_outside_input_is_dead_lettered_with_why_and_its_post_told() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        append_requests(store, b"not json", b'{"account_id": "acc", "post_id": "p"}', request_json("a"))
        await serve_for(task_over(MemoryLog(store), effects), 3)
        letters = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert [letter.value for letter in letters] == [b"not json", b'{"account_id": "acc", "post_id": "p"}']
        reasons = [reason_in(letter) for letter in letters]
        assert "JSON is malformed" in reasons[0]
        assert "tenant" in reasons[1]
        assert ("p", 100) in events_in(store)
        assert ("a", 1) in events_in(store)

    virtual_time.run(main())


def test_outside_input_that_crashes_a_decision_is_dead_lettered_and_the_partition_goes_on() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        crashing = [request_json(name) for name in (CRASHES_INTERPRET, CRASHES_DECIDE, CRASHES_TODO)]
        append_requests(store, *crashing, request_json("a"))
        with structlog.testing.capture_logs() as lines:
            await serve_for(task_over(MemoryLog(store), effects), 1)
        letters = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert [letter.value for letter in letters] == crashing
        assert all("Error" in reason_in(letter) for letter in letters)
        told = [line for line in lines if line["event"] == "foreign_record_crashed"]
        assert [(line["log_level"], line["offset"]) for line in told] == [("error", 0), ("error", 1), ("error", 2)]
        assert events_in(store) == [("a", 1)]
        assert effects.acts == [("a", 1)]

    virtual_time.run(main())


def test_our_own_records_that_crash_a_decision_stop_the_partition() -> None:
    class OfOurOwn(CountingProcessor):
        inputs = (replace(POST_REQUESTS, from_outside=False),)

    async def main() -> None:
        store = MemoryStore(partitions=1, clock=virtual_time.clock)
        append_requests(store, request_json(CRASHES_DECIDE))
        with pytest.raises(ExceptionGroup) as crash:
            await serve_for(task_over(MemoryLog(store), RecordingEffects(), machine=OfOurOwn()), 1)
        assert crash.group_contains(OverflowError)

    virtual_time.run(main())


@pytest.mark.parametrize(
    "headers", [(("ce_type", None),), (("traceparent", None), ("ce_time", None)), (("traceparent", b"\xff"),)]
)
def test_headers_without_a_value_or_of_no_text_stop_nothing(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        for value in (request_json("a"), b'{"account_id": "acc", "post_id": "p"}'):
            store.append(
                OutgoingRecord(
                    topic_partition=TopicPartition("post.requests", 0), key=None, value=value, headers=headers
                )
            )
        await serve_for(task_over(MemoryLog(store), effects), 1)
        await serve_for(task_over(MemoryLog(store), effects), 1)
        assert ("a", 1) in events_in(store)
        assert ("p", 100) in events_in(store)
        (letter,) = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert tuple(letter.headers)[: len(headers)] == headers

    virtual_time.run(main())


@pytest.mark.parametrize("time_ms", [-(2**62), 2**62])
def test_a_record_of_an_impossible_time_is_taken(time_ms: int) -> None:
    slice_ = TopicPartition("post.requests", 0)
    record = Record(topic_partition=slice_, offset=0, key=b"acc", value=request_json("a"), time_ms=time_ms)
    step = InputReader(CountingProcessor(), 0, lambda _account_id: 0).read(record)
    assert isinstance(step, QueuedFact)


def test_a_record_too_large_to_pass_on_whole_is_put_aside_with_its_beginning() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        huge = request_json("big").ljust(5_000_000)
        append_requests(store, huge, request_json("a"))
        beside = (("note", bytes(100_000)), ("kind", b"x"))
        store.append(
            OutgoingRecord(
                topic_partition=TopicPartition("post.requests", 0), key=bytes(500_000), value=b"no", headers=beside
            )
        )
        await serve_for(task_over(MemoryLog(store), effects), 1)
        first, second = store.records[TopicPartition("uploader.dead_letters", 0)]
        assert first.value == huge[: 512 * 1024]
        assert (first.key, dict(first.headers)["dlq_size"]) == (b"acc", b"5000000")
        assert "5000000 bytes. The limit is 524288 bytes." in reason_in(first)
        assert (second.key, second.value, set(dict(second.headers)) & {"note", "kind"}) == (None, b"no", set())
        assert events_in(store) == [("a", 1)]

    virtual_time.run(main())


def test_a_record_on_the_wrong_partition_is_forwarded() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=2, clock=virtual_time.clock), RecordingEffects()
        log = MemoryLog(store)
        account = next(f"acc{n}" for n in range(99) if log.partition_of(f"acc{n}") == 1)
        append_requests(store, request_json("a", account))
        await serve_for(task_over(log, effects), 1)
        assert [record.value for record in store.records[TopicPartition("post.requests", 1)]] == [
            request_json("a", account)
        ]
        assert effects.acts == []

    virtual_time.run(main())


def test_a_fenced_task_starts_nothing_more() -> None:
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
        assert effects.acts == [("a", 1)]  # it reopened, since nobody told it that the partition is gone
        stop.set()
        await running

    virtual_time.run(main())


class CancelledInDoubt(NoFaults):
    """Whoever commits is cancelled just when the transaction comes into doubt."""

    def __init__(self) -> None:
        self.running: asyncio.Task[None] | None = None

    async def before(self, step: str) -> None:
        if step == "commit" and self.running is not None:
            self.running.cancel()
            raise TransactionInDoubt(step)


def test_a_task_that_is_cancelled_ends_even_if_the_log_comes_into_doubt_at_that_moment() -> None:
    async def main() -> None:
        store, weather = MemoryStore(partitions=1, clock=virtual_time.clock), CancelledInDoubt()
        append_requests(store, request_json("a"))
        weather.running = asyncio.create_task(
            task_over(MemoryLog(store, weather), RecordingEffects()).run(asyncio.Event())
        )
        await asyncio.wait((weather.running,), timeout=60)
        assert weather.running.cancelled()

    virtual_time.run(main())


def test_where_a_clock_had_run_ahead_time_goes_on_slowly_until_it_has_caught_up() -> None:
    async def main() -> None:
        store, ahead = MemoryStore(partitions=1, clock=virtual_time.clock), timedelta(hours=1)
        append_requests(store, request_json("a"))
        fast = task_over(MemoryLog(store), RecordingEffects(), clock=lambda: virtual_time.clock() + ahead)
        await serve_for(fast, 1)
        task = task_over(MemoryLog(store), RecordingEffects())
        stop = asyncio.Event()
        running = asyncio.create_task(task.run(stop))
        lived = []
        for _ in range(3):
            await asyncio.sleep(3600)
            lived.append(round((task._clock.now() - virtual_time.clock()).total_seconds() / 60))
        assert lived == [30, 0, 0]
        stop.set()
        await running

    with structlog.testing.capture_logs() as lines:
        virtual_time.run(main())
    (told,) = (line for line in lines if line["event"] == "clock_behind_state")
    assert round(told["seconds"] / 60) == 60


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
            await task_over(MemoryLog(store, process), effects, seed, stretch=1 + seed % 4).run(asyncio.Event())

        for life in range(8):
            process = SimulatedProcess(f"uploader/{life}", faults, serve)
            await asyncio.sleep(random.uniform(0.5, 10) if life < 7 else 60)
            process.crash()
            await process.ended()
        return events_in(store), effects.acts

    return virtual_time.run(main())


def test_crashes_and_doubt_neither_lose_nor_double_a_transition() -> None:
    for seed in range(60):
        said, _ = rough_run(seed)
        posts = {post for post, _ in said}
        assert len(said) == 20, f"seed {seed}"
        for post in posts:
            numbers = [number for name, number in said if name == post]
            assert numbers == list(range(1, len(numbers) + 1)), f"seed {seed}"


def test_a_seed_replays_exactly() -> None:
    assert rough_run(7) == rough_run(7)


def test_a_dead_process_cannot_reach_the_log() -> None:
    async def main() -> str:
        adopt_tasks(asyncio.get_running_loop())
        store = MemoryStore(partitions=1, clock=virtual_time.clock)
        heard: list[str] = []

        async def try_after_death(process: SimulatedProcess) -> None:
            process.dead = True
            try:
                await MemoryLog(store, process).writer("w")
            except Crashed:
                heard.append("crashed")

        process = SimulatedProcess("p", Faults(Random(1), calm_after=0), try_after_death)
        await process.ended()
        return heard[0]

    assert virtual_time.run(main()) == "crashed"
