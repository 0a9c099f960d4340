"""A session commits before it acts, and neither load nor a bad client holds it up."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import structlog

from common.streams import Decision, Due, Record, StateKey, TopicPartition, Views, Wait
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryReader, MemoryStore, NoFaults
from common.streams.log.port import TransactionInDoubt
from fakes.counting_processor import (
    Act,
    Counting,
    CountingProcessor,
    Done,
    Fact,
    RecordingEffects,
)
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over
from harness.stream_worker import start_worker


def test_session_starts_effects_after_the_commit() -> None:
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


@pytest.mark.parametrize("every", [0.02, 0.005])
def test_session_offers_due_timers_under_load(every: float) -> None:
    """A commit takes 10 ms here, so that the faster ones leave no moment without a fact."""

    class Slow(NoFaults):
        async def after(self, step: str) -> None:
            if step == "commit":
                await asyncio.sleep(0.01)

    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        at, due = virtual_time.clock() + timedelta(seconds=5), list[datetime]()

        class Timed(CountingProcessor):
            def next_effect(self, key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
                return Wait(at) if key.entity_id == "timer" and now < at else None

            def decide(
                self, key: StateKey, state: Counting | None, fact: Fact | Due, now: datetime
            ) -> Decision[Counting]:
                due.extend([now] if isinstance(fact, Due) else [])
                return super().decide(key, state, fact, now)

        task = task_over(MemoryLog(store, Slow()), effects, processor=Timed())
        stop = asyncio.Event()
        running = asyncio.create_task(task.run(stop))
        append_requests(store, request_json("timer"))
        for number in range(round(10 / every)):
            append_requests(store, request_json(f"post-{number % 50}"))
            await asyncio.sleep(every)
        assert len(due) == 1
        assert due[0] - at < timedelta(seconds=0.1)
        stop.set()
        await running

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


def test_session_in_doubt_ends_though_fetch_hides_cancels() -> None:
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


class StaleResults(RecordingEffects):
    """Each result is that of another effect, so it changes nothing."""

    async def perform(self, key: StateKey, effect: Act, views: Views) -> Fact:
        await super().perform(key, effect, views)
        return Done(99)


def test_session_result_without_change_is_retried_slowly() -> None:
    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), StaleResults()
        append_requests(store, request_json("a"))
        with structlog.testing.capture_logs() as lines:
            await serve_for(task_over(MemoryLog(store), effects), 9.5)
        assert effects.acts == [("a", 1)] * 10
        assert {line["event"] for line in lines if line["log_level"] == "warning"} == {"result_changed_nothing"}

    virtual_time.run(main())
