"""Opening a partition of any size lets everything else in the process have its turns."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from common.streams import Admission, Decision, Due, EffectRequest, EntityGroup, StateKey, Wait
from common.streams.engine.changelog import Changelog
from common.streams.engine.yielding import YIELD_EVERY, Yielder
from common.streams.log.memory import MemoryLog, MemoryStore, NoFaults
from fakes.counting_processor import Act, Counting, CountingProcessor, Fact, RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, task_over

STATES = 20 * YIELD_EVERY
PHASES = ("reading", "inspecting", "considering", "admitting")


def store_of(*keys: StateKey) -> MemoryStore:
    """A log with these states, each of which wants an effect."""
    store = MemoryStore(partitions=1, clock=virtual_time.clock)
    journal: Changelog[Counting] = Changelog(service="uploader", partition=0, state_type=Counting)
    for key in keys:
        store.append(journal.put(key, Counting(asked=1), None))
    return store


@dataclass
class Watched:
    """The toy machine, and what it was just doing whenever others got their turn."""

    doing: str = "reading"
    looks: int = 0
    looks_before_this_turn: int = 0
    turns: Counter[str] = field(default_factory=Counter)
    longest: int = 0
    wishes: list[int] = field(default_factory=list)
    began: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))
    admitted: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def machine(self) -> CountingProcessor:
        return WatchedProcessor(self)

    async def witness(self) -> None:
        """Be something else in the process."""
        while True:
            self.turns[self.doing] += 1
            self.longest = max(self.longest, self.looks - self.looks_before_this_turn)
            self.looks_before_this_turn = self.looks
            await asyncio.sleep(0)

    async def until_admitted(self) -> None:
        """Watch until a lane was admitted."""
        watching = asyncio.create_task(self.witness())
        await self.admitted.wait()
        watching.cancel()

    def does(self, what: str) -> None:
        self.doing = what
        self.looks += 1
        self.began[what].set()


class WatchedProcessor(CountingProcessor):
    """Reports each call."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, Counting]]) -> None:
        del partition
        async for _ in states:
            self._watched.does("inspecting")

    def next_effect(self, key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
        if self._watched.doing != "admitting":
            self._watched.does("considering")
        return super().next_effect(key, state, now)

    def admit(self, group: EntityGroup[Counting], requests: Sequence[EffectRequest[Act]], now: datetime) -> Admission:
        self._watched.does("admitting")
        self._watched.wishes.append(len(requests))
        if len(self._watched.wishes) == STATES or len(group.states) > 1:
            self._watched.admitted.set()
        return super().admit(group, requests, now)


async def never(_key: object, _effect: object) -> None:
    await asyncio.Event().wait()


def test_others_get_turns_while_a_large_partition_opens() -> None:
    async def main() -> None:
        watched, stop = Watched(), asyncio.Event()
        store = store_of(*(StateKey(f"acc-{number}", "a") for number in range(STATES)))
        task = task_over(MemoryLog(store), RecordingEffects(hook=never), machine=watched.machine)
        running = asyncio.create_task(task.run(stop))
        await watched.until_admitted()
        assert min(watched.turns[what] for what in PHASES) >= 19
        assert watched.longest <= YIELD_EVERY + 1
        stop.set()
        await running

    virtual_time.run(main())


def test_a_lane_is_admitted_once_all_its_wishes_are_known() -> None:
    async def main() -> None:
        watched, stop = Watched(), asyncio.Event()
        store = store_of(*(StateKey("acc", f"p{number}") for number in range(9)))
        task = task_over(MemoryLog(store), RecordingEffects(hook=never), machine=watched.machine, stretch=1)
        running = asyncio.create_task(task.run(stop))
        await watched.until_admitted()
        assert watched.wishes[0] == 9
        stop.set()
        await running

    virtual_time.run(main())


@pytest.mark.parametrize("doing", ["inspecting", "considering", "admitting"])
def test_a_partition_that_is_given_up_while_it_opens_begins_nothing_more(doing: str) -> None:
    async def main() -> None:
        watched, effects, stop = Watched(), RecordingEffects(), asyncio.Event()
        store = store_of(*(StateKey(f"acc-{number}", "a") for number in range(100)))
        running = asyncio.create_task(
            task_over(MemoryLog(store), effects, machine=watched.machine, stretch=10).run(stop)
        )
        await watched.began[doing].wait()
        await asyncio.sleep(0)  # what has begun makes its first step
        stop.set()
        looks, acts = watched.looks, len(effects.acts)
        await running
        assert (watched.looks, len(effects.acts)) == (looks, acts)

    virtual_time.run(main())


@pytest.mark.parametrize("stretch", [1, 2, 7])
def test_what_comes_while_a_partition_opens_counts_once(stretch: int) -> None:
    async def main() -> None:
        watched, effects, stop = Watched(), RecordingEffects(), asyncio.Event()
        names = [f"p{number}" for number in range(30)]
        store = store_of(*(StateKey(f"acc-{number % 5}", name) for number, name in enumerate(names)))
        task = task_over(MemoryLog(store), effects, machine=watched.machine, stretch=stretch)
        running = asyncio.create_task(task.run(stop))
        await watched.began["considering"].wait()
        # Asked again for some, and for one that nobody knew.
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


def test_giving_way_is_getting_on() -> None:
    async def main() -> None:
        beats: list[str] = []
        turns = Yielder(lambda: beats.append("beat"), 3)
        for steps in (1, 1, 1, 2, 5):
            await turns.tick(steps)
        assert len(beats) == 2

    virtual_time.run(main())


@pytest.mark.parametrize("every", [0.02, 0.005])
def test_a_time_that_has_come_does_not_wait_for_the_end_of_what_comes_in(every: float) -> None:
    """A commit takes 10 ms here, so that the faster ones leave no moment without a fact."""

    class Slow(NoFaults):
        async def after(self, step: str) -> None:
            if step == "commit":
                await asyncio.sleep(0.01)

    async def main() -> None:
        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        at, heard = virtual_time.clock() + timedelta(seconds=5), list[datetime]()

        class Timed(CountingProcessor):
            def next_effect(self, key: StateKey, state: Counting, now: datetime) -> Act | Wait | None:
                return Wait(at) if key.entity_id == "timer" and now < at else None

            def decide(
                self, key: StateKey, state: Counting | None, fact: Fact | Due, now: datetime
            ) -> Decision[Counting]:
                heard.extend([now] if isinstance(fact, Due) else [])
                return super().decide(key, state, fact, now)

        task = task_over(MemoryLog(store, Slow()), effects, machine=Timed())
        stop = asyncio.Event()
        running = asyncio.create_task(task.run(stop))
        append_requests(store, request_json("timer"))
        for number in range(round(10 / every)):
            append_requests(store, request_json(f"post-{number % 50}"))
            await asyncio.sleep(every)
        assert len(heard) == 1
        assert heard[0] - at < timedelta(seconds=0.1)
        stop.set()
        await running

    virtual_time.run(main())
