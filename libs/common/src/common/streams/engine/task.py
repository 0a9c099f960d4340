"""One task owns one partition number: it opens it, serves it, and reopens it whenever the log is in doubt."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Generic, TypeVar

import structlog

from common.clock import Clock, Instant
from common.contract.body import Body
from common.streams.api import Due, Effects, Key, Machine, Views
from common.streams.engine import metrics
from common.streams.engine.changelog import Journal
from common.streams.engine.effect_runner import Flights
from common.streams.engine.fair_limiter import Slots
from common.streams.engine.inputs import Intake
from common.streams.engine.moments import Moments
from common.streams.engine.restore import Restored, restore
from common.streams.engine.session import MOST_STEPS, Session, Tools
from common.streams.engine.state_store import Book, event_writer
from common.streams.engine.yielding import STRETCH, Turns
from common.streams.log.port import Doubt, Log, Reader, Unusable, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

REOPEN_PAUSE_SECONDS = (0.05, 2.0)
"""First and longest pause before reopening; a fenced zombie must not fight its successor without rest."""
SALVAGE_PAUSE_SECONDS = 1.0
CLOCK_TOLERANCE = timedelta(seconds=5)
"""How far machines' clocks may be apart without a word."""
DRAIN_SECONDS = 10.0
"""What effects that must not be interrupted get to end in, when a partition is given up."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings(Generic[S, F, E]):
    """What every task of a process is given."""

    machine: Machine[S, F, E]
    effects: Effects[E, F]
    log: Log
    clock: Clock
    moment: Moments
    random: Random
    slots: Slots
    salvage: Callable[[Body], Awaitable[None]]
    lapsed: Callable[[], bool] = lambda: False
    """Whether this process has stood still for so long that its partitions may be others' by now."""
    most_steps: int = MOST_STEPS
    stretch: int = STRETCH


class _Lost(Exception):
    """The partition was given up while it was being opened; `stop` is set."""


@dataclass(slots=True)
class Pulse:
    """When a task last got on, on the loop's clock; what a watchdog looks at."""

    at: float | None = None
    opened: bool = False
    reopened: int = field(default=0)


class Task(Generic[S, F, E]):
    """Owns partition `number` of every input until told to stop."""

    def __init__(self, surroundings: Surroundings[S, F, E], number: int) -> None:
        self.number = number
        self.pulse = Pulse()
        self._given = surroundings
        self._machine = surroundings.machine
        self._floor: Instant | None = None
        self._floor_at = 0.0
        self._session: Session[S, F, E] | None = None
        self._flights: Flights[E, F] = Flights(
            effects=surroundings.effects,
            slots=surroundings.slots,
            uninterruptible=self._machine.uninterruptible,
            random=surroundings.random,
            leave=self._leave,
            wake=self._wake,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, reopening whenever the log is in doubt. Raises `Unreadable`."""
        shortest, longest = REOPEN_PAUSE_SECONDS
        pause = shortest
        self._beat()
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await self._open_and_serve(stop)
            except* (Doubt, Unusable) as doubts:
                metrics.REOPENINGS.labels(self._machine.service).inc()
                self.pulse.reopened += 1
                _log.warning("task_reopening", partition=self.number, cause=str(doubts.exceptions[0]))
            except* _Lost:
                _log.info("task_given_up_while_opening", partition=self.number)
            _end_if_cancelled()
            if asyncio.get_running_loop().time() - began > longest:
                pause = shortest
            await _sleep_unless(stop, pause * self._given.random.uniform(0.5, 1.0))
            pause = min(pause * 2, longest)
        await self._pass_on()

    def stuck_for(self) -> float:
        """Seconds without getting on: not open, facts waiting, or a timer overdue. 0 when there is nothing to do."""
        session = self._session
        idle = session is not None and not session.waiting and session.overdue_since(self._now()) < timedelta(seconds=1)
        if self.pulse.opened and idle:
            self._beat()
        return 0.0 if self.pulse.at is None else asyncio.get_running_loop().time() - self.pulse.at

    def forgive(self) -> None:
        """Count from now: the standstill was not this process's doing."""
        self._beat()

    def _beat(self) -> None:
        self.pulse.at = asyncio.get_running_loop().time()

    def _wake(self, freed: Key | None) -> None:
        if self._session is not None:
            self._session.wake(freed)

    def _leave(self, key: Key, effect: E) -> Views | None:
        """Let an effect begin; while the partition is not open, nobody knows whether it is wanted."""
        return None if self._session is None or self._given.lapsed() else self._session.leave(key, effect)

    def _now(self) -> Instant:
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
            journal: Journal[S] = Journal(
                service=self._machine.service, partition=self.number, state_type=self._machine.state_type
            )
            restored = await self._restore(journal)
            _go_on_unless(stop)
            await self._machine.inspect(self.number, self._shown(restored.book, stop))
            await self._serve(journal, restored, writer, stop)
        finally:
            self._close_gate()
            await writer.close()

    async def _restore(self, journal: Journal[S]) -> Restored[S]:
        reader = await self._given.log.reader(brisk=True)
        try:
            return await restore(
                reader=reader,
                journal=journal,
                views=self._machine.views,
                inputs=self._machine.inputs,
                rename=self._machine.rename,
                progress=self._beat,
            )
        finally:
            await reader.close()

    async def _shown(self, book: Book[S], stop: asyncio.Event) -> AsyncIterator[tuple[Key, S]]:
        turns = Turns(self._beat, self._given.stretch)
        for entry in book.all():
            yield entry
            await turns.after(1)
            _go_on_unless(stop)

    async def _serve(self, journal: Journal[S], restored: Restored[S], writer: Writer, stop: asyncio.Event) -> None:
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

    def _live_on_from(self, at: Instant | None) -> None:
        """Never live before a time that was lived through already."""
        now = self._now()
        if at is None or at <= now:
            return
        self._floor = at
        if at - now > CLOCK_TOLERANCE:
            ahead = (at - now).total_seconds()
            _log.warning("clock_behind_state", partition=self.number, seconds=round(ahead, 1))

    def _tools(self, journal: Journal[S], writer: Writer, reader: Reader) -> Tools[S, F, E]:
        random = self._given.random
        return Tools(
            machine=self._machine,
            journal=journal,
            intake=Intake(self._machine, self.number, self._given.log.partition_of),
            flights=self._flights,
            writer=writer,
            reader=reader,
            write_event=event_writer(
                service=self._machine.service,
                partition=self.number,
                run=f"{random.getrandbits(96):024x}",
                now=self._now,
            ),
            now=self._now,
            moment=self._given.moment,
            progress=self._beat,
            turns=Turns(self._beat, self._given.stretch),
            committed=metrics.TRANSITIONS.labels(self._machine.service).inc,
            most_steps=self._given.most_steps,
        )

    def _open_gate(self, session: Session[S, F, E]) -> None:
        self._session = session
        self.pulse.opened = True
        self._beat()
        metrics.OPEN_PARTITIONS.labels(self._machine.service).inc()
        _log.info("task_opened", partition=self.number)

    def _close_gate(self) -> None:
        if self.pulse.opened:
            metrics.OPEN_PARTITIONS.labels(self._machine.service).dec()
        self._session = None
        self.pulse.opened = False

    async def _pass_on(self) -> None:
        """Hand outcomes that were paid for to whoever owns the partition now."""
        await self._flights.finish(DRAIN_SECONDS)
        for outcome in self._flights.outcomes:
            if isinstance(outcome.fact, Due):
                continue
            if (body := self._machine.salvage(outcome.key, outcome.fact)) is not None:
                await self._salvage(body)

    async def _salvage(self, body: Body) -> None:
        """Write it, however long the log is away; the process is ended from outside if nobody waits any more."""
        while True:
            try:
                await self._given.salvage(body)
            except Unusable as error:
                _log.warning("salvage_delayed", partition=self.number, cause=str(error))
                await asyncio.sleep(SALVAGE_PAUSE_SECONDS)
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
