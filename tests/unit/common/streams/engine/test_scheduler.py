"""Scheduling a partition of any size lets everything else in the process run."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from common.streams import Admission, EffectRequest, EntityGroup, StateKey, Wait
from common.streams.engine.changelog import Changelog
from common.streams.engine.yielding import YIELD_EVERY
from common.streams.log.memory import MemoryLog, MemoryStore
from fakes.counting_processor import Act, Counting, CountingProcessor, RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, task_over

STATES = 20 * YIELD_EVERY


PHASES = ("reading", "restoring", "scheduling", "admitting")


def store_of(*keys: StateKey) -> MemoryStore:
    """A log with these states, each of which wants an effect."""
    store = MemoryStore(partitions=1, clock=virtual_time.clock)
    changelog: Changelog[Counting] = Changelog(service="uploader", partition=0, state_type=Counting)
    for key in keys:
        store.append(changelog.put(key, Counting(asked=1), None))
    return store


@dataclass
class Watched:
    """A processor, and what it was doing each time that another task ran."""

    doing: str = "reading"
    calls: int = 0
    calls_before_this_turn: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    request_counts: list[int] = field(default_factory=list)
    began: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    admitted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def processor(self) -> CountingProcessor:
        return WatchedProcessor(self)

    async def witness(self) -> None:
        """Be another task in the process."""
        while True:
            self.turns[self.doing] += 1
            self.longest = max(self.longest, self.calls - self.calls_before_this_turn)
            self.calls_before_this_turn = self.calls
            await asyncio.sleep(0)

    async def until_admitted(self) -> None:
        """Run another task until a group was admitted."""
        watching = asyncio.create_task(self.witness())
        await self.admitted.wait()
        watching.cancel()

    def does(self, what: str) -> None:
        self.doing = what
        self.calls += 1
        self.began[what].set()


class WatchedProcessor(CountingProcessor):
    """Reports each call."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, Counting]]) -> None:
        del partition
        async for _ in states:
            self._watched.does("restoring")

    def next_effect(self, key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
        if self._watched.doing != "admitting":
            self._watched.does("scheduling")
        return super().next_effect(key, state, now)

    def admit(self, group: EntityGroup[Counting], requests: Sequence[EffectRequest[Act]], now: datetime) -> Admission:
        self._watched.does("admitting")
        self._watched.request_counts.append(len(requests))
        if len(self._watched.request_counts) == STATES or len(group.states) > 1:
            self._watched.admitted.set()
        return super().admit(group, requests, now)


async def never(_key: object, _effect: object) -> None:
    await asyncio.Event().wait()


def test_scheduler_yields_while_a_large_partition_opens() -> None:
    async def main() -> None:
        watched, stop = Watched(), asyncio.Event()
        store = store_of(*(StateKey(f"acc-{number}", "a") for number in range(STATES)))
        task = task_over(MemoryLog(store), RecordingEffects(hook=never), processor=watched.processor)
        running = asyncio.create_task(task.run(stop))
        await watched.until_admitted()
        assert min(watched.turns[what] for what in PHASES) >= 19
        assert watched.longest <= YIELD_EVERY + 1
        stop.set()
        await running

    virtual_time.run(main())


def test_scheduler_admits_a_group_once_with_all_requests() -> None:
    async def main() -> None:
        watched, stop = Watched(), asyncio.Event()
        store = store_of(*(StateKey("acc", f"p{number}") for number in range(9)))
        task = task_over(MemoryLog(store), RecordingEffects(hook=never), processor=watched.processor, yield_every=1)
        running = asyncio.create_task(task.run(stop))
        await watched.until_admitted()
        assert watched.request_counts[0] == 9
        stop.set()
        await running

    virtual_time.run(main())


@pytest.mark.parametrize("doing", ["restoring", "scheduling", "admitting"])
def test_scheduler_stopped_while_opening_starts_nothing(doing: str) -> None:
    async def main() -> None:
        watched, effects, stop = Watched(), RecordingEffects(), asyncio.Event()
        store = store_of(*(StateKey(f"acc-{number}", "a") for number in range(100)))
        running = asyncio.create_task(
            task_over(MemoryLog(store), effects, processor=watched.processor, yield_every=10).run(stop)
        )
        await watched.began[doing].wait()
        await asyncio.sleep(0)  # what has begun makes its first step
        stop.set()
        calls, acts = watched.calls, len(effects.acts)
        await running
        assert (watched.calls, len(effects.acts)) == (calls, acts)

    virtual_time.run(main())


@pytest.mark.parametrize("yield_every", [1, 2, 7])
def test_scheduler_counts_facts_during_opening_once(yield_every: int) -> None:
    async def main() -> None:
        watched, effects, stop = Watched(), RecordingEffects(), asyncio.Event()
        names = [f"p{number}" for number in range(30)]
        store = store_of(*(StateKey(f"acc-{number % 5}", name) for number, name in enumerate(names)))
        task = task_over(MemoryLog(store), effects, processor=watched.processor, yield_every=yield_every)
        running = asyncio.create_task(task.run(stop))
        await watched.began["scheduling"].wait()
        # Asked again for some, and for one that is new.
        append_requests(
            store, *(request_json(name, f"acc-{number % 5}") for number, name in enumerate([*names[:10], "new"]))
        )
        await asyncio.sleep(10)
        expected = sorted([*((name, 1) for name in [*names, "new"]), *((name, 2) for name in names[:10])])
        assert sorted(effects.acts) == expected
        assert sorted(events_in(store)) == expected
        stop.set()
        await running

    virtual_time.run(main())
