"""Effects under way: each takes a place, gives it back whatever ends it, and begins only while it is wanted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from common.contract.body import Body
from common.contract.topics import Topic
from common.streams import EffectRequest, StateKey, Views
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.fair_limiter import FairLimiter

A, B = StateKey("acc", "a"), StateKey("acc", "b")


class EmptyViews:
    def get(self, topic: Topic, account_id: str) -> Body | None:
        return None


@dataclass
class Waiting:
    """Effects that end when their gate opens."""

    gates: Mapping[StateKey, asyncio.Event]
    begun: list[StateKey] = field(default_factory=list)

    async def perform(self, key: StateKey, effect: str, views: Views) -> str:
        self.begun.append(key)
        await self.gates[key].wait()
        return f"{effect} done"


@dataclass
class Scene:
    """Flights with one place, and what states want now."""

    wanted: dict[StateKey, str] = field(default_factory=lambda: {A: "send", B: "send"})
    woken: list[StateKey | None] = field(default_factory=list)
    background: tuple[StateKey, ...] = ()

    def __post_init__(self) -> None:
        self.effects = Waiting({A: asyncio.Event(), B: asyncio.Event()})
        self.flights: EffectRunner[str, str] = EffectRunner(
            handler=self.effects,
            limiter=FairLimiter(1),
            uninterruptible=(),
            random=Random(1),
            may_start=lambda key, effect: EmptyViews() if self.wanted.get(key) == effect else None,
            wake=self.woken.append,
        )

    def start(self, *keys: StateKey) -> None:
        for key in keys:
            self.flights.start(EffectRequest(key, "send", background=key in self.background), tenant="t")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_outcome_frees_the_place_for_the_next() -> None:
    scene = Scene()
    scene.start(A, B)
    await settle()
    assert scene.effects.begun == [A]
    scene.effects.gates[A].set()
    await settle()
    assert [(outcome.key, outcome.fact) for outcome in scene.flights.results] == [(A, "send done")]
    assert scene.effects.begun == [A, B]


async def test_an_effect_that_is_stopped_before_its_first_step_gives_its_place_back() -> None:
    scene = Scene()
    scene.start(A)
    scene.flights.keep_only(A, None)
    await settle()
    assert (scene.effects.begun, scene.flights.busy(A), scene.woken) == ([], False, [A])
    scene.start(B)
    await settle()
    assert scene.effects.begun == [B]


async def test_what_is_no_longer_wanted_when_its_turn_comes_never_begins() -> None:
    scene = Scene()
    scene.start(A, B)
    await settle()
    del scene.wanted[B]
    scene.effects.gates[A].set()
    await settle()
    assert (scene.effects.begun, scene.flights.busy(B), scene.woken) == ([A], False, [None, B])
    scene.wanted[B] = "send"
    scene.start(B)
    await settle()
    assert scene.effects.begun == [A, B]


async def test_an_effect_in_the_background_takes_no_place_from_others() -> None:
    scene = Scene(background=(A,))
    scene.start(A, B)
    await settle()
    assert scene.effects.begun == [A, B]


async def test_a_lanes_running_effects_are_known_until_their_outcomes_are_committed() -> None:
    scene = Scene()
    scene.start(A, B)
    await settle()
    assert scene.flights.running("acc") == {"a", "b"}
    assert scene.flights.running("other") == frozenset()
    scene.flights.keep_only(B, None)
    assert scene.flights.running("acc") == {"a"}
    scene.effects.gates[A].set()
    await settle()
    assert scene.flights.running("acc") == {"a"}
    scene.flights.confirm(list(scene.flights.results))
    assert scene.flights.running("acc") == frozenset()
