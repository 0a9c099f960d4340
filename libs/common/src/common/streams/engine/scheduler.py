"""Schedules what committed states want next: timers, requested effects, and which of those may start."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Generic, TypeVar

from common.clock import UtcDatetime
from common.streams.api import Background, EffectRequest, EntityGroup, Processor, StateKey, Wait
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.state_store import StateStore
from common.streams.engine.timers import TimerQueue
from common.streams.engine.yielding import Yielder

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

NO_CHANGE_BACKOFF = timedelta(seconds=1)
"""Before an effect is tried again whose result changed nothing: a decision that ignores it must not loop."""


class Scheduler(Generic[S, F, E]):
    """Asks each committed state what it wants next, and starts what the account's admission lets start.

    It holds nothing that the states do not say: after a restart, asking every state again makes the same schedule.
    """

    def __init__(
        self,
        *,
        processor: Processor[S, F, E],
        store: StateStore[S],
        effects: EffectRunner[E, F],
        now: Callable[[], UtcDatetime],
        yielder: Yielder,
        on_committed: Callable[[StateKey], None],
        stop: asyncio.Event,
    ) -> None:
        """Call `on_committed` for each state that a transaction has touched, once it is scheduled."""
        self._processor = processor
        self._store = store
        self._effects = effects
        self._now = now
        self._yielder = yielder
        self._on_committed = on_committed
        self._stop = stop
        self._timers: TimerQueue[StateKey] = TimerQueue()
        self._recheck_timers: TimerQueue[str] = TimerQueue()
        self._requested: dict[str, dict[str, EffectRequest[E]]] = {}

    def wants(self, key: StateKey, effect: E) -> bool:
        """Whether this state still wants this effect, and the partition is not being given up."""
        state = self._store.get(key)
        if self._stop.is_set() or state is None:
            return False
        # Asked again instead of remembered: the state, the clock or the view may have changed since.
        wanted = self._processor.next_effect(key, state, self._now())
        return (wanted.effect if isinstance(wanted, Background) else wanted) == effect

    def next_time(self) -> UtcDatetime | None:
        """Return when there is something to do without a new fact, or None."""
        times = [at for at in (self._timers.next(), self._recheck_timers.next()) if at is not None]
        return min(times, default=None)

    def overdue(self) -> timedelta:
        """Return for how long the earliest state timer has been due."""
        at, now = self._timers.next(), self._now()
        return timedelta(0) if at is None or at > now else now - at

    def due(self) -> list[StateKey]:
        """Remove and return the states whose `Wait` or `Background` is over."""
        return self._timers.due(self._now())

    def retry_later(self, key: StateKey, now: UtcDatetime) -> None:
        """Ask this state again after a pause: its effect's result changed nothing."""
        self._timers.set(key, now + NO_CHANGE_BACKOFF)

    async def on_restored(self) -> None:
        """Schedule every state of a partition that was just opened."""
        await self.on_commit(self._store.keys())

    async def on_commit(self, touched: Iterable[StateKey]) -> None:
        """Schedule the states that a transaction has touched."""
        await self._schedule(touched, self._on_committed)

    async def on_effects_ended(self, keys: Iterable[StateKey]) -> None:
        """Schedule states whose effect ended without a result."""
        await self._schedule(keys, None)

    async def recheck(self) -> None:
        """Ask the admission of each group again whose `retry_at` has come."""
        await self._admit_all(self._recheck_timers.due(self._now()))

    async def _schedule(self, keys: Iterable[StateKey], then: Callable[[StateKey], None] | None) -> None:
        """Update each key, then admit each of their groups once.

        Yields in between. Facts and results may arrive meanwhile, but no state changes: only a commit changes one, and
        the task that commits is the one that runs this.
        """
        # A dict keeps their order, so that a simulation replays.
        groups: dict[str, None] = {}
        for key in keys:
            # A partition that is given up starts nothing more.
            if self._stop.is_set():
                return
            self._update(key)
            groups[key.partition_key] = None
            if then is not None:
                then(key)
            await self._yielder.tick(1)
        await self._admit_all(groups)

    def _update(self, key: StateKey) -> None:
        """Set the timer and the requested effect of one state, and stop an effect that it no longer wants."""
        state, now = self._store.get(key), self._now()
        wanted = None if state is None else self._processor.next_effect(key, state, now)
        # Cleared first: what the state wanted before does not count any more.
        self._timers.cancel(key)
        requested = self._requested.setdefault(key.partition_key, {})
        requested.pop(key.entity_id, None)
        request: EffectRequest[E] | None = None
        match wanted:
            case None:
                pass
            case Wait(until=until):
                self._set_timer(key, until, now)
            case Background(effect=effect, until=until):
                self._set_timer(key, until, now)
                request = EffectRequest(key, effect, background=True)
            case effect:
                request = EffectRequest(key, effect)
        # An effect that runs and is still wanted goes on, although its state has changed.
        self._effects.keep_only(key, None if request is None else request.effect)
        if request is not None:
            requested[key.entity_id] = request

    def _set_timer(self, key: StateKey, until: UtcDatetime, now: UtcDatetime) -> None:
        # A state that waits for a time in the past would otherwise be offered `Due` without end.
        self._timers.set(key, until if until > now else now + NO_CHANGE_BACKOFF)

    async def _admit_all(self, groups: Iterable[str]) -> None:
        for partition_key in groups:
            self._admit(partition_key)
            # `admit` may look at every state of the group, so each counts.
            await self._yielder.tick(1 + len(self._store.group(partition_key)))

    def _admit(self, partition_key: str) -> None:
        """Ask the processor which requested effects of a group may start, and start them."""
        requested = self._requested.get(partition_key, {}).values()
        requests = [request for request in requested if not self._effects.busy(request.key)]
        if not requests or self._stop.is_set():
            self._recheck_timers.cancel(partition_key)
            return
        states = self._store.group(partition_key)
        group = EntityGroup(partition_key=partition_key, states=states, running=self._effects.running(partition_key))
        admission = self._processor.admit(group, requests, self._now())
        # `admit` returns keys only, so that it cannot start what no state has requested.
        by_key = {request.key: request for request in requests}
        for key in admission.start:
            self._effects.start(by_key[key], tenant=self._processor.fairness_key(states[key.entity_id]))
        if admission.retry_at is None:
            self._recheck_timers.cancel(partition_key)
        else:
            self._recheck_timers.set(partition_key, admission.retry_at)
