"""One task owns one partition number: it opens it, serves it, and reopens it whenever the log is in doubt."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Generic, TypeVar

import structlog

from common.backoff import exponential
from common.clock import Clock, ReadClocks, UtcDatetime
from common.contract.body import Body
from common.streams.api import Due, EffectHandler, Processor, StateKey, Views
from common.streams.engine import metrics
from common.streams.engine.changelog import Changelog
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.inputs import InputReader
from common.streams.engine.restore import Restored, restore
from common.streams.engine.session import MOST_STEPS, Session, SessionDependencies
from common.streams.engine.state_store import StateStore, event_writer
from common.streams.engine.yielding import YIELD_EVERY, Yielder
from common.streams.log.port import Log, LogUnavailable, Reader, TransactionInDoubt, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

REOPEN_BACKOFF_SECONDS = (0.05, 2.0)
"""First and longest pause before reopening; a fenced zombie must not fight its successor without rest."""
HAND_OFF_RETRY_SECONDS = 1.0
CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far machines' clocks may be apart without a word."""
DRAIN_SECONDS = 10.0
"""What effects that must not be interrupted get to end in, when a partition is given up."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDependencies(Generic[S, F, E]):
    """What every task of a process is given."""

    processor: Processor[S, F, E]
    effects: EffectHandler[E, F]
    log: Log
    clock: Clock
    read_clocks: ReadClocks
    random: Random
    limiter: FairLimiter
    hand_off: Callable[[Body], Awaitable[None]]
    session_expired: Callable[[], bool] = lambda: False
    """Whether this process has stood still for so long that its partitions may be others' by now."""
    most_steps: int = MOST_STEPS
    yield_every: int = YIELD_EVERY


class _Lost(Exception):
    """The partition was given up while it was being opened; `stop` is set."""


@dataclass(slots=True)
class TaskProgress:
    """When a task last got on, on the loop's clock; what a watchdog looks at."""

    at: float | None = None
    opened: bool = False
    reopened: int = field(default=0)


class Task(Generic[S, F, E]):
    """Owns partition `number` of every input until told to stop."""

    def __init__(self, surroundings: TaskDependencies[S, F, E], number: int) -> None:
        self.number = number
        self.progress = TaskProgress()
        self._given = surroundings
        self._machine = surroundings.processor
        self._floor: UtcDatetime | None = None
        self._floor_at = 0.0
        self._session: Session[S, F, E] | None = None
        self._flights: EffectRunner[E, F] = EffectRunner(
            effects=surroundings.effects,
            slots=surroundings.limiter,
            uninterruptible=self._machine.uninterruptible,
            random=surroundings.random,
            may_start=self._leave,
            wake=self._wake,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, reopening whenever the log is in doubt. Raises `UnreadableRecord`."""
        shortest, longest = REOPEN_BACKOFF_SECONDS
        failures = 0
        self._beat()
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._open_and_serve(stop)
            except* (TransactionInDoubt, LogUnavailable) as doubts:
                metrics.REOPENINGS.labels(self._machine.service).inc()
                self.progress.reopened += 1
                _log.warning("task_reopening", partition=self.number, cause=str(doubts.exceptions[0]))
            except* _Lost:
                _log.info("task_given_up_while_opening", partition=self.number)
            _end_if_cancelled()
            if asyncio.get_running_loop().time() - began > longest:
                failures = 0
            await _sleep_unless(stop, exponential(shortest, longest, failures) * self._given.random.uniform(0.5, 1.0))
            failures += 1
        await self._pass_on()

    def stalled_for(self) -> float:
        """Seconds without getting on: not open, facts waiting, or a timer overdue. 0 when there is nothing to do."""
        session = self._session
        idle = session is not None and not session.pending and session.overdue_since(self._now()) < timedelta(seconds=1)
        if self.progress.opened and idle:
            self._beat()
        return 0.0 if self.progress.at is None else asyncio.get_running_loop().time() - self.progress.at

    def reset_progress(self) -> None:
        """Count from now: the standstill was not this process's doing."""
        self._beat()

    def _beat(self) -> None:
        self.progress.at = asyncio.get_running_loop().time()

    def _wake(self, freed: StateKey | None) -> None:
        if self._session is not None:
            self._session.wake(freed)

    def _leave(self, key: StateKey, effect: E) -> Views | None:
        """Let an effect begin; while the partition is not open, nobody knows whether it is wanted."""
        return None if self._session is None or self._given.session_expired() else self._session.may_start(key, effect)

    def _now(self) -> UtcDatetime:
        """Read the clock, but never before the newest time in restored state.

        Where a clock had run ahead, time goes on at half its pace until the clock has caught up: no timer stands
        still, and none fires early for ever.
        """
        now, here = self._given.clock(), asyncio.get_running_loop().time()
        if self._floor is not None:
            now = max(now, self._floor + timedelta(seconds=(here - self._floor_at) / 2))
        self._floor, self._floor_at = now, here
        return now

    async def _open_and_serve(self, stop: asyncio.Event) -> None:
        # The producer comes first: opening it fences the older owner, so what is read after it is final.
        writer = await self._given.log.writer(f"{self._machine.service}-{self.number}")
        try:
            _go_on_unless(stop)
            journal: Changelog[S] = Changelog(
                service=self._machine.service, partition=self.number, state_type=self._machine.state_type
            )
            restored = await self._restore(journal)
            _go_on_unless(stop)
            await self._machine.on_restored(self.number, self._shown(restored.store, stop))
            await self._serve(journal, restored, writer, stop)
        finally:
            self._close_gate()
            await writer.close()

    async def _restore(self, journal: Changelog[S]) -> Restored[S]:
        reader = await self._given.log.reader(low_latency=True)
        try:
            return await restore(
                reader=reader,
                journal=journal,
                views=self._machine.views,
                inputs=self._machine.inputs,
                progress=self._beat,
            )
        finally:
            await reader.close()

    async def _shown(self, book: StateStore[S], stop: asyncio.Event) -> AsyncIterator[tuple[StateKey, S]]:
        turns = Yielder(self._beat, self._given.yield_every)
        for entry in book.all():
            yield entry
            await turns.tick(1)
            _go_on_unless(stop)

    async def _serve(self, journal: Changelog[S], restored: Restored[S], writer: Writer, stop: asyncio.Event) -> None:
        reader = await self._given.log.reader()
        try:
            reader.assign(restored.positions)
            self._live_on_from(restored.at)
            session = Session(self._tools(journal, writer, reader), restored)
            self._open_gate(session)
            await session.serve(stop)
            await session.finish(DRAIN_SECONDS)
        finally:
            await reader.close()

    def _live_on_from(self, at: UtcDatetime | None) -> None:
        """Never live before a time that was lived through already."""
        now = self._now()
        if at is None or at <= now:
            return
        self._floor = at
        if at - now > CLOCK_TOLERANCE:
            ahead = (at - now).total_seconds()
            _log.warning("clock_behind_state", partition=self.number, seconds=round(ahead, 1))

    def _tools(self, journal: Changelog[S], writer: Writer, reader: Reader) -> SessionDependencies[S, F, E]:
        random = self._given.random
        return SessionDependencies(
            processor=self._machine,
            changelog=journal,
            inputs=InputReader(self._machine, self.number, self._given.log.partition_of),
            effects=self._flights,
            writer=writer,
            reader=reader,
            write_event=event_writer(
                service=self._machine.service,
                partition=self.number,
                epoch_id=f"{random.getrandbits(96):024x}",
                now=self._now,
            ),
            now=self._now,
            read_clocks=self._given.read_clocks,
            progress=self._beat,
            yielder=Yielder(self._beat, self._given.yield_every),
            committed=metrics.TRANSITIONS.labels(self._machine.service).inc,
            most_steps=self._given.most_steps,
        )

    def _open_gate(self, session: Session[S, F, E]) -> None:
        self._session = session
        self.progress.opened = True
        self._beat()
        metrics.OPEN_PARTITIONS.labels(self._machine.service).inc()
        _log.info("task_opened", partition=self.number)

    def _close_gate(self) -> None:
        if self.progress.opened:
            metrics.OPEN_PARTITIONS.labels(self._machine.service).dec()
        self._session = None
        self.progress.opened = False

    async def _pass_on(self) -> None:
        """Hand outcomes that were paid for to whoever owns the partition now."""
        await self._flights.finish(DRAIN_SECONDS)
        for outcome in self._flights.results:
            if isinstance(outcome.fact, Due):
                continue
            if (body := self._machine.hand_off(outcome.key, outcome.fact)) is not None:
                await self._salvage(body)

    async def _salvage(self, body: Body) -> None:
        """Write it, however long the log is away; the process is ended from outside if nobody waits any more."""
        while True:
            try:
                await self._given.hand_off(body)
            except LogUnavailable as error:
                _log.warning("salvage_delayed", partition=self.number, cause=str(error))
                await asyncio.sleep(HAND_OFF_RETRY_SECONDS)
                continue
            _log.info("outcome_salvaged", partition=self.number, account_id=body.key)
            return


def _go_on_unless(stop: asyncio.Event) -> None:
    if stop.is_set():
        raise _Lost


def _end_if_cancelled() -> None:
    """Before Python 3.13 a task group that ends in errors forgets that it was cancelled at the same moment."""
    running = asyncio.current_task()
    if running is not None and running.cancelling():
        raise asyncio.CancelledError


async def _sleep_unless(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
