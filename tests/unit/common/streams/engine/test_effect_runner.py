"""Each effect takes a permit, gives it back however it ends, and begins only while it is wanted."""

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
class Setup:
    """Flights with one place, and what states want now."""

    wanted: dict[StateKey, str] = field(default_factory=lambda: {A: "send", B: "send"})
    woken: list[StateKey | None] = field(default_factory=list)
    background: tuple[StateKey, ...] = ()

    def __post_init__(self) -> None:
        self.effects = Waiting({A: asyncio.Event(), B: asyncio.Event()})
        self.runner: EffectRunner[str, str] = EffectRunner(
            handler=self.effects,
            limiter=FairLimiter(1),
            uninterruptible=(),
            random=Random(1),
            may_start=lambda key, effect: EmptyViews() if self.wanted.get(key) == effect else None,
            wake=self.woken.append,
        )

    def start(self, *keys: StateKey) -> None:
        for key in keys:
            self.runner.start(EffectRequest(key, "send", background=key in self.background), tenant="t")


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_effect_runner_result_frees_the_permit() -> None:
    setup = Setup()
    setup.start(A, B)
    await settle()
    assert setup.effects.begun == [A]
    setup.effects.gates[A].set()
    await settle()
    assert [(result.key, result.fact) for result in setup.runner.results] == [(A, "send done")]
    assert setup.effects.begun == [A, B]


async def test_effect_runner_stop_before_first_step_frees_permit() -> None:
    setup = Setup()
    setup.start(A)
    setup.runner.keep_only(A, None)
    await settle()
    assert (setup.effects.begun, setup.runner.busy(A), setup.woken) == ([], False, [A])
    setup.start(B)
    await settle()
    assert setup.effects.begun == [B]


async def test_effect_runner_unwanted_effect_never_begins() -> None:
    setup = Setup()
    setup.start(A, B)
    await settle()
    del setup.wanted[B]
    setup.effects.gates[A].set()
    await settle()
    assert (setup.effects.begun, setup.runner.busy(B), setup.woken) == ([A], False, [None, B])
    setup.wanted[B] = "send"
    setup.start(B)
    await settle()
    assert setup.effects.begun == [A, B]


async def test_effect_runner_background_takes_no_other_permit() -> None:
    setup = Setup(background=(A,))
    setup.start(A, B)
    await settle()
    assert setup.effects.begun == [A, B]


async def test_effect_runner_is_busy_until_results_are_committed() -> None:
    setup = Setup()
    setup.start(A, B)
    await settle()
    assert setup.runner.running("acc") == {"a", "b"}
    assert setup.runner.running("other") == frozenset()
    setup.runner.keep_only(B, None)
    assert setup.runner.running("acc") == {"a"}
    setup.effects.gates[A].set()
    await settle()
    assert setup.runner.running("acc") == {"a"}
    setup.runner.confirm(list(setup.runner.results))
    assert setup.runner.running("acc") == frozenset()
