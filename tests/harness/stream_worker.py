"""Run a worker over a log in memory, with a membership that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

from common.clock import ClockReading, ReadClocks
from common.contract.account import TokenRejected
from common.contract.body import Body
from common.streams import StateKey
from common.streams.engine.worker import Worker, run_worker
from common.streams.log.memory import FixedMembership, MemoryLog
from fakes.counting_processor import PROCESSOR, Act, CountingProcessor, Fact, RecordingEffects
from harness import virtual_time


async def refuse_hand_off(body: Body) -> None:
    raise AssertionError(body)


class MovableMembership:
    """A membership that the test moves."""

    session_seconds = 10.0

    def __init__(self) -> None:
        self.numbers: frozenset[int] = frozenset()
        self._changed = asyncio.Event()

    def give(self, *numbers: int) -> None:
        self.numbers = frozenset(numbers)
        self._changed.set()

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()


async def start_worker(
    log: MemoryLog,
    effects: RecordingEffects,
    membership: MovableMembership | FixedMembership,
    stop: asyncio.Event,
    *,
    processor: CountingProcessor = PROCESSOR,
    hand_off: Callable[[Body], Awaitable[None]] = refuse_hand_off,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    read_clocks: ReadClocks = virtual_time.moment,
) -> tuple[Worker, asyncio.Task[None]]:
    worker = Worker(membership)
    running = asyncio.create_task(
        run_worker(
            processor=processor,
            effects=effects,
            log=log,
            membership=membership,
            hand_off=hand_off,
            max_effects=4,
            stop=stop,
            worker=worker,
            clock=virtual_time.clock,
            read_clocks=read_clocks,
            random=Random(1),
            pause=pause,
        )
    )
    await asyncio.sleep(0.5)
    return worker, running


class HandingOffProcessor(CountingProcessor):
    """Hands each result off, and lets none of its effects be interrupted."""

    uninterruptible = (Act,)

    def hand_off(self, key: StateKey, fact: Fact) -> Body:
        return TokenRejected(
            account_id=key.partition_key, version=1, code=str(fact), service="s", at=virtual_time.clock()
        )


class PausableClocks:
    """The machine's clocks, ahead of the loop's clock by what a test sets: a suspended loop does not see time pass."""

    def __init__(self) -> None:
        self.suspended = 0.0
        self.set_forward = 0.0

    def read(self) -> ClockReading:
        boot = asyncio.get_running_loop().time() + self.suspended
        return ClockReading(boot, boot + self.set_forward)
