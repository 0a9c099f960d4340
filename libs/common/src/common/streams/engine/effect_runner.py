"""Effects under way: started once a committed state wants them, kept until their outcome is committed."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Generic, TypeVar

import structlog

from common.streams.api import Effects, Key, Views, Wish
from common.streams.engine.fair_limiter import Slots, Ticket
from common.streams.engine.inputs import Offered

E = TypeVar("E")
F = TypeVar("F")
CRASH_PAUSE_SECONDS = (0.5, 30.0)
"""First and longest pause before an effect that raised is tried again."""

_log = structlog.get_logger()


class _Flight(Generic[E, F]):
    """One effect: queued for a place, running, or settled and waiting for its outcome to be committed."""

    def __init__(self, effect: E) -> None:
        self.effect = effect
        self.ticket: Ticket | None = None
        self.task: asyncio.Task[F] | None = None
        self.settled = False


class Flights(Generic[E, F]):
    """The effects of one task. They outlive its reopening: an answer that was paid for is not thrown away."""

    def __init__(
        self,
        *,
        effects: Effects[E, F],
        slots: Slots,
        uninterruptible: tuple[type, ...],
        random: Random,
        leave: Callable[[Key, E], Views | None],
        wake: Callable[[Key | None], None],
    ) -> None:
        """Ask `leave` before an effect begins, for it may have queued long: the views it may use, or None.

        `wake` is told when an outcome came (None) or when the key of an effect without one is free again.
        """
        self._effects = effects
        self._slots = slots
        self._uninterruptible = uninterruptible
        self._random = random
        self._leave = leave
        self._wake = wake
        self._flights: dict[Key, _Flight[E, F]] = {}
        self._lanes: dict[str, set[str]] = {}
        self.outcomes: list[Offered[F]] = []

    def busy(self, key: Key) -> bool:
        """Whether an effect of this state is under way."""
        return key in self._flights

    def running(self, lane: str) -> frozenset[str]:
        """Name the items of this lane that have an effect under way."""
        return frozenset(self._lanes.get(lane, ()))

    def start(self, wish: Wish[E], *, tenant: str) -> None:
        """Start an effect as soon as there is a place for it."""
        key, effect = wish.key, wish.effect
        flight: _Flight[E, F] = _Flight(effect)
        self._flights[key] = flight
        self._lanes.setdefault(key.lane, set()).add(key.item)

        def begin() -> bool:
            flight.ticket = None
            if (views := self._leave(key, effect)) is None:
                self._forget(key)
                return False
            flight.task = asyncio.create_task(self._perform(key, effect, views))
            # Not a `finally` in the task: one that is cancelled before its first step never gets there.
            flight.task.add_done_callback(partial(self._landed, key, flight, ticket))
            return True

        flight.ticket = ticket = Ticket(tenant=tenant, lane=key.lane, begin=begin, background=wish.background)
        self._slots.ask(ticket)

    def keep_only(self, key: Key, wanted: E | None) -> None:
        """Stop what this state no longer wants, unless its call must be let finish."""
        flight = self._flights.get(key)
        if flight is None or flight.settled or flight.effect == wanted:
            return
        if not isinstance(flight.effect, self._uninterruptible):
            self._stop(key, flight)

    def confirm(self, outcomes: list[Offered[F]]) -> None:
        """These outcomes are committed."""
        for outcome in outcomes:
            self.outcomes.remove(outcome)
            self._remove(outcome.key)

    async def finish(self, seconds: float) -> None:
        """Stop what may be repeated, and wait for the rest. What does not end in time is cancelled."""
        for key, flight in list(self._flights.items()):
            if not isinstance(flight.effect, self._uninterruptible) or flight.task is None:
                self._stop(key, flight)
        await self._wait(seconds)
        for key, flight in list(self._flights.items()):
            if not flight.settled:
                self._stop(key, flight)
        await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _stop(self, key: Key, flight: _Flight[E, F]) -> None:
        if flight.ticket is not None:
            self._slots.withdraw(flight.ticket)
            self._remove(key)
        elif flight.task is not None:
            flight.task.cancel()

    def _landed(self, key: Key, flight: _Flight[E, F], ticket: Ticket, task: asyncio.Task[F]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._forget(key)
        else:
            flight.settled = True
            self.outcomes.append(Offered(key=key, fact=task.result(), kept=True))
            self._wake(None)
        self._slots.give_back(ticket)

    def _forget(self, key: Key) -> None:
        self._remove(key)
        self._wake(key)

    def _remove(self, key: Key) -> None:
        del self._flights[key]
        self._lanes[key.lane].remove(key.item)
        if not self._lanes[key.lane]:
            del self._lanes[key.lane]

    async def _perform(self, key: Key, effect: E, views: Views) -> F:
        shortest, longest = CRASH_PAUSE_SECONDS
        pause = shortest
        while True:
            try:
                return await self._effects.perform(key, effect, views)
            except Exception:  # noqa: BLE001 -- whatever an effect raises, its post must not be lost by it
                _log.exception("effect_crashed", effect=type(effect).__name__, account_id=key.lane, item=key.item)
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(pause * 2, longest)
