"""One task owns one partition number: it opens it, serves it, and reopens it whenever the log is in doubt.

The task is crash-only. Whatever goes wrong with the log, it drops its memory and its clients and reads the partition
again, which is also what a new owner does.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Generic, TypeVar

import structlog

from common.backoff import exponential
from common.clock import Clock, MonotonicClock, ReadClocks
from common.contract.body import Body
from common.streams.api import Due, EffectHandler, Processor, StateKey, Views
from common.streams.engine import metrics
from common.streams.engine.changelog import Changelog
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.inputs import InputReader
from common.streams.engine.restore import Restored, restore
from common.streams.engine.session import MAX_FACTS, Session
from common.streams.engine.state_store import StateStore
from common.streams.engine.transaction import TransactionWriter, event_writer
from common.streams.engine.yielding import YIELD_EVERY, Yielder
from common.streams.log.port import Log, LogUnavailable, Reader, TransactionInDoubt, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

REOPEN_BACKOFF_SECONDS = (0.05, 2.0)
"""First and longest pause before reopening. Without one, a fenced zombie and its successor would fence each other."""
HAND_OFF_RETRY_SECONDS = 1.0
CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far the clocks of two machines may differ before it is logged."""
DRAIN_SECONDS = 10.0
"""How long effects that must not be interrupted may take to end when a partition is given up."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDependencies(Generic[S, F, E]):
    """What every task of a process works with."""

    processor: Processor[S, F, E]
    effects: EffectHandler[E, F]
    log: Log
    clock: Clock
    read_clocks: ReadClocks
    random: Random
    limiter: FairLimiter
    hand_off: Callable[[Body], Awaitable[None]]
    session_expired: Callable[[], bool] = lambda: False
    """Whether this process was paused for so long that its partitions may have other owners by now."""
    max_facts: int = MAX_FACTS
    """Facts in one transaction at most."""
    yield_every: int = YIELD_EVERY


class _StoppedWhileOpening(Exception):
    """`stop` was set before the partition served."""


class Task(Generic[S, F, E]):
    """Owns partition `number` of every input until its stop event is set."""

    def __init__(self, dependencies: TaskDependencies[S, F, E], number: int) -> None:
        self.number = number
        self.reopenings = 0
        self._dependencies = dependencies
        self._processor = dependencies.processor
        self._clock = MonotonicClock(dependencies.clock, lambda: asyncio.get_running_loop().time())
        self._session: Session[S, F, E] | None = None
        self._progressed_at: float | None = None
        self._effects: EffectRunner[E, F] = EffectRunner(
            handler=dependencies.effects,
            limiter=dependencies.limiter,
            uninterruptible=self._processor.uninterruptible,
            random=dependencies.random,
            may_start=self._may_start,
            wake=self._wake,
        )

    @property
    def opened(self) -> bool:
        """Whether the partition is restored and serves."""
        return self._session is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, reopening whenever the log is in doubt. Raises `UnreadableRecord`."""
        shortest, longest = REOPEN_BACKOFF_SECONDS
        failures = 0
        self.reset()
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._open_and_serve(stop)
            # Both are mended in the same way: only the log itself knows what was committed.
            except* (TransactionInDoubt, LogUnavailable) as errors:
                metrics.REOPENINGS.labels(self._processor.service).inc()
                self.reopenings += 1
                _log.warning("task_reopening", partition=self.number, cause=str(errors.exceptions[0]))
            except* _StoppedWhileOpening:
                _log.info("task_stopped_while_opening", partition=self.number)
            _raise_if_cancelled()
            # It served for a while, so this failure has nothing to do with the one before.
            if asyncio.get_running_loop().time() - began > longest:
                failures = 0
            # Jitter: after an outage all tasks of all processes reopen, and must not do so together.
            pause = exponential(shortest, longest, failures) * self._dependencies.random.uniform(0.5, 1.0)
            await _sleep_unless(stop, pause)
            failures += 1
        await self._hand_off_results()

    def stalled_for(self) -> float:
        """Return the seconds without progress: not open, facts waiting, or a timer overdue. 0 if nothing is to do."""
        session = self._session
        # An idle partition makes no progress, and must not look stalled when its next fact comes.
        if session is not None and not session.pending and session.overdue() < timedelta(seconds=1):
            self.reset()
        return 0.0 if self._progressed_at is None else asyncio.get_running_loop().time() - self._progressed_at

    def reset(self) -> None:
        """Count the stall from now: there was progress, or the pause was not this task's doing."""
        self._progressed_at = asyncio.get_running_loop().time()

    def _wake(self, freed: StateKey | None) -> None:
        if self._session is not None:
            self._session.wake(freed)

    def _may_start(self, key: StateKey, effect: E) -> Views | None:
        """Return the views if the effect may start. While the partition is not open, it is not known to be wanted."""
        if self._session is None or self._dependencies.session_expired():
            return None
        return self._session.may_start(key, effect)

    async def _open_and_serve(self, stop: asyncio.Event) -> None:
        # The producer first: opening it fences the previous owner, so what is read after it is final.
        writer = await self._dependencies.log.writer(f"{self._processor.service}-{self.number}")
        try:
            # Opening may have taken long. A partition that was taken away meanwhile must not be read.
            _raise_if_stopped(stop)
            changelog: Changelog[S] = Changelog(
                service=self._processor.service, partition=self.number, state_type=self._processor.state_type
            )
            restored = await self._restore(changelog)
            _raise_if_stopped(stop)
            await self._processor.on_restored(self.number, self._restored_states(restored.store, stop))
            await self._serve(changelog, restored, writer, stop)
        finally:
            self._stop_serving()
            await writer.close()

    async def _restore(self, changelog: Changelog[S]) -> Restored[S]:
        # A reader of its own: it asks for short fetches, which would cost too much while serving.
        reader = await self._dependencies.log.reader(low_latency=True)
        try:
            return await restore(
                reader=reader,
                changelog=changelog,
                views=self._processor.views,
                inputs=self._processor.inputs,
                progress=self.reset,
            )
        finally:
            await reader.close()

    async def _restored_states(self, store: StateStore[S], stop: asyncio.Event) -> AsyncIterator[tuple[StateKey, S]]:
        """Yield every state, and to the event loop now and then."""
        yielder = self._yielder()
        for key_and_state in store.all():
            yield key_and_state
            await yielder.tick(1)
            _raise_if_stopped(stop)

    async def _serve(self, changelog: Changelog[S], restored: Restored[S], writer: Writer, stop: asyncio.Event) -> None:
        reader = await self._dependencies.log.reader()
        try:
            # The positions come from the state topic, not from the group: a rebalance cannot move them.
            reader.assign(restored.positions)
            self._start_clock(restored)
            session = self._new_session(changelog, restored, writer, reader, stop)
            self._start_serving(session)
            await session.serve()
            # Only after a stop. After doubt the results stay with the effect runner, for the next session.
            await session.finish(DRAIN_SECONDS)
        finally:
            await reader.close()

    def _start_clock(self, restored: Restored[S]) -> None:
        """Use no time that the partition's previous owner has used already."""
        if restored.at is not None and (behind := self._clock.start_from(restored.at)) > CLOCK_TOLERANCE:
            _log.warning("clock_behind_state", partition=self.number, seconds=round(behind.total_seconds(), 1))

    def _new_session(
        self, changelog: Changelog[S], restored: Restored[S], writer: Writer, reader: Reader, stop: asyncio.Event
    ) -> Session[S, F, E]:
        transactions: TransactionWriter[S, F, E] = TransactionWriter(
            writer=writer,
            changelog=changelog,
            write_event=event_writer(
                service=self._processor.service,
                partition=self.number,
                # Random, since a count would need a place that survives every crash.
                epoch_id=f"{self._dependencies.random.getrandbits(96):024x}",
                now=self._clock.now,
            ),
            read_clocks=self._dependencies.read_clocks,
            offsets=restored.offsets,
        )
        return Session(
            processor=self._processor,
            restored=restored,
            inputs=InputReader(self._processor, self.number, self._dependencies.log.partition_of),
            reader=reader,
            transactions=transactions,
            effects=self._effects,
            now=self._clock.now,
            yielder=self._yielder(),
            progress=self.reset,
            max_facts=self._dependencies.max_facts,
            stop=stop,
        )

    def _yielder(self) -> Yielder:
        return Yielder(self.reset, self._dependencies.yield_every)

    def _start_serving(self, session: Session[S, F, E]) -> None:
        self._session = session
        self.reset()
        metrics.OPEN_PARTITIONS.labels(self._processor.service).inc()
        _log.info("task_opened", partition=self.number)

    def _stop_serving(self) -> None:
        if self._session is not None:
            metrics.OPEN_PARTITIONS.labels(self._processor.service).dec()
        self._session = None

    async def _hand_off_results(self) -> None:
        """Hand results that must not be lost to the partition's next owner."""
        await self._effects.finish(DRAIN_SECONDS)
        for result in self._effects.results:
            # Never so for a result; the type of a queued fact allows it.
            if isinstance(result.fact, Due):
                continue
            if (body := self._processor.hand_off(result.key, result.fact)) is not None:
                await self._hand_off(body)

    async def _hand_off(self, body: Body) -> None:
        """Publish it, however long the log is away. A supervisor that does not wait any longer kills the process."""
        while True:
            try:
                await self._dependencies.hand_off(body)
            except LogUnavailable as error:
                _log.warning("hand_off_delayed", partition=self.number, cause=str(error))
                await asyncio.sleep(HAND_OFF_RETRY_SECONDS)
                continue
            _log.info("result_handed_off", partition=self.number, partition_key=body.key)
            return


def _raise_if_stopped(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise _StoppedWhileOpening


def _raise_if_cancelled() -> None:
    """Before Python 3.13, a task group that ends in errors forgets that it was cancelled at the same moment."""
    running = asyncio.current_task()
    if running is not None and running.cancelling():
        raise asyncio.CancelledError


async def _sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
