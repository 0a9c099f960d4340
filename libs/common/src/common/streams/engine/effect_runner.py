"""Effects under way: started once a committed state wants them, kept until their outcome is committed."""

import asyncio
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Generic, TypeVar

import structlog

from common.backoff import exponential
from common.streams.api import EffectHandler, EffectRequest, StateKey, Views
from common.streams.engine.fair_limiter import FairLimiter, Waiter
from common.streams.engine.inputs import QueuedFact

E = TypeVar("E")
F = TypeVar("F")
CRASH_BACKOFF_SECONDS = (0.5, 30.0)
"""First and longest pause before an effect that raised is tried again."""

_log = structlog.get_logger()


class RunningEffect(Generic[E, F]):
    """One effect: queued for a place, running, or settled and waiting for its outcome to be committed."""

    def __init__(self, effect: E) -> None:
        self.effect = effect
        self.waiter: Waiter | None = None
        self.task: asyncio.Task[F] | None = None
        self.settled = False


class EffectRunner(Generic[E, F]):
    """The effects of one task. They outlive its reopening: an answer that was paid for is not thrown away."""

    def __init__(
        self,
        *,
        effects: EffectHandler[E, F],
        slots: FairLimiter,
        uninterruptible: tuple[type, ...],
        random: Random,
        may_start: Callable[[StateKey, E], Views | None],
        wake: Callable[[StateKey | None], None],
    ) -> None:
        """Ask `leave` before an effect begins, for it may have queued long: the views it may use, or None.

        `wake` is told when an outcome came (None) or when the key of an effect without one is free again.
        """
        self._effects = effects
        self._slots = slots
        self._uninterruptible = uninterruptible
        self._random = random
        self._leave = may_start
        self._wake = wake
        self._flights: dict[StateKey, RunningEffect[E, F]] = {}
        self._lanes: dict[str, set[str]] = {}
        self.results: list[QueuedFact[F]] = []

    def busy(self, key: StateKey) -> bool:
        """Whether an effect of this state is under way."""
        return key in self._flights

    def running(self, lane: str) -> frozenset[str]:
        """Name the items of this lane that have an effect under way."""
        return frozenset(self._lanes.get(lane, ()))

    def start(self, wish: EffectRequest[E], *, tenant: str) -> None:
        """Start an effect as soon as there is a place for it."""
        key, effect = wish.key, wish.effect
        flight: RunningEffect[E, F] = RunningEffect(effect)
        self._flights[key] = flight
        self._lanes.setdefault(key.partition_key, set()).add(key.entity_id)

        def begin() -> bool:
            flight.waiter = None
            if (views := self._leave(key, effect)) is None:
                self._forget(key)
                return False
            flight.task = asyncio.create_task(self._perform(key, effect, views))
            # Not a `finally` in the task: one that is cancelled before its first step never gets there.
            flight.task.add_done_callback(partial(self._landed, key, flight, ticket))
            return True

        flight.waiter = ticket = Waiter(
            tenant=tenant, account=key.partition_key, begin=begin, background=wish.background
        )
        self._slots.acquire(ticket)

    def keep_only(self, key: StateKey, wanted: E | None) -> None:
        """Stop what this state no longer wants, unless its call must be let finish."""
        flight = self._flights.get(key)
        if flight is None or flight.settled or flight.effect == wanted:
            return
        if not isinstance(flight.effect, self._uninterruptible):
            self._stop(key, flight)

    def confirm(self, outcomes: list[QueuedFact[F]]) -> None:
        """These outcomes are committed."""
        for outcome in outcomes:
            self.results.remove(outcome)
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

    def _stop(self, key: StateKey, flight: RunningEffect[E, F]) -> None:
        if flight.waiter is not None:
            self._slots.cancel(flight.waiter)
            self._remove(key)
        elif flight.task is not None:
            flight.task.cancel()

    def _landed(self, key: StateKey, flight: RunningEffect[E, F], ticket: Waiter, task: asyncio.Task[F]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._forget(key)
        else:
            flight.settled = True
            self.results.append(QueuedFact(key=key, fact=task.result(), is_result=True))
            self._wake(None)
        self._slots.release(ticket)

    def _forget(self, key: StateKey) -> None:
        self._remove(key)
        self._wake(key)

    def _remove(self, key: StateKey) -> None:
        del self._flights[key]
        self._lanes[key.partition_key].remove(key.entity_id)
        if not self._lanes[key.partition_key]:
            del self._lanes[key.partition_key]

    async def _perform(self, key: StateKey, effect: E, views: Views) -> F:
        crashes = 0
        while True:
            try:
                return await self._effects.perform(key, effect, views)
            except Exception:  # noqa: BLE001 -- whatever an effect raises, its post must not be lost by it
                _log.exception(
                    "effect_crashed", effect=type(effect).__name__, account_id=key.partition_key, item=key.entity_id
                )
            await asyncio.sleep(exponential(*CRASH_BACKOFF_SECONDS, crashes) * self._random.uniform(0.5, 1.0))
            crashes += 1
