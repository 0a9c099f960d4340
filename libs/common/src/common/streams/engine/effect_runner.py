"""Runs effects: starts one once a committed state wants it, and keeps its result until that is committed."""

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
    """One effect: it waits for a permit, runs, or is done and waits for its result to be committed."""

    def __init__(self, effect: E) -> None:
        self.effect = effect
        self.waiter: Waiter | None = None
        self.task: asyncio.Task[F] | None = None
        self.done = False


class EffectRunner(Generic[E, F]):
    """The effects of one task.

    They outlive its reopening. A result that TikTok gave once, such as a new token pair, must not be lost because a
    transaction was in doubt.
    """

    def __init__(
        self,
        *,
        handler: EffectHandler[E, F],
        limiter: FairLimiter,
        uninterruptible: tuple[type, ...],
        random: Random,
        may_start: Callable[[StateKey, E], Views | None],
        wake: Callable[[StateKey | None], None],
    ) -> None:
        """Take two callbacks into the task's session, which may be another one by the time they are called.

        `may_start` returns the views if the effect may still start, else None. It is asked again at the start, because
        the effect may have waited in the queue while its state changed or the partition was lost. `wake` is called when
        a result has come (with None), and with the key of an effect that ended without one.
        """
        self._handler = handler
        self._limiter = limiter
        self._uninterruptible = uninterruptible
        self._random = random
        self._may_start = may_start
        self._wake = wake
        self._effects: dict[StateKey, RunningEffect[E, F]] = {}
        # By account too: admission asks for it at each change, and must not search all effects.
        self._accounts: dict[str, set[str]] = {}
        self.results: list[QueuedFact[F]] = []

    def busy(self, key: StateKey) -> bool:
        """Whether this state has an effect that waits, runs, or has an uncommitted result."""
        return key in self._effects

    def running(self, partition_key: str) -> frozenset[str]:
        """Return the entities of this account that are busy."""
        return frozenset(self._accounts.get(partition_key, ()))

    def start(self, request: EffectRequest[E], *, tenant: str) -> None:
        """Start an effect as soon as it gets a permit."""
        key, effect = request.key, request.effect
        running: RunningEffect[E, F] = RunningEffect(effect)
        self._effects[key] = running
        self._accounts.setdefault(key.partition_key, set()).add(key.entity_id)

        def begin() -> bool:
            # From now on it is stopped by cancelling its task, not by leaving the queue.
            running.waiter = None
            if (views := self._may_start(key, effect)) is None:
                self._end_without_result(key)
                return False
            running.task = asyncio.create_task(self._perform(key, effect, views))
            # Not a `finally` in the task: one that is cancelled before its first step never gets there.
            running.task.add_done_callback(partial(self._on_done, key, running, waiter))
            return True

        waiter = Waiter(tenant=tenant, account=key.partition_key, begin=begin, background=request.background)
        # Before `acquire`, which may call `begin` at once.
        running.waiter = waiter
        self._limiter.acquire(waiter)

    def keep_only(self, key: StateKey, wanted: E | None) -> None:
        """Stop the effect of this state unless it is the wanted one or must not be interrupted."""
        running = self._effects.get(key)
        if running is None or running.done or running.effect == wanted:
            return
        if not isinstance(running.effect, self._uninterruptible):
            self._stop(key, running)

    def confirm(self, results: list[QueuedFact[F]]) -> None:
        """Forget these results: they are committed."""
        for result in results:
            self.results.remove(result)
            self._remove(result.key)

    async def finish(self, seconds: float) -> None:
        """Stop what may be repeated and wait for the rest. Cancel what does not end within the time."""
        # Also those that wait for a permit: nothing has been sent for them yet.
        for key, running in list(self._effects.items()):
            if not isinstance(running.effect, self._uninterruptible) or running.task is None:
                self._stop(key, running)
        await self._wait(seconds)
        for key, running in list(self._effects.items()):
            if not running.done:
                self._stop(key, running)
        await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        tasks = [running.task for running in self._effects.values() if running.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)

    def _stop(self, key: StateKey, running: RunningEffect[E, F]) -> None:
        if running.waiter is not None:
            self._limiter.cancel(running.waiter)
            self._remove(key)
        elif running.task is not None:
            running.task.cancel()

    def _on_done(self, key: StateKey, running: RunningEffect[E, F], waiter: Waiter, task: asyncio.Task[F]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._end_without_result(key)
        else:
            running.done = True
            self.results.append(QueuedFact(key=key, fact=task.result()))
            self._wake(None)
        # Last: it may start the next effect at once, which must see this one as ended.
        self._limiter.release(waiter)

    def _end_without_result(self, key: StateKey) -> None:
        self._remove(key)
        # The session asks again what the state wants: it may be the same effect, or another.
        self._wake(key)

    def _remove(self, key: StateKey) -> None:
        del self._effects[key]
        entities = self._accounts[key.partition_key]
        entities.remove(key.entity_id)
        if not entities:
            del self._accounts[key.partition_key]

    async def _perform(self, key: StateKey, effect: E, views: Views) -> F:
        crashes = 0
        while True:
            try:
                return await self._handler.perform(key, effect, views)
            except Exception:  # noqa: BLE001 -- an effect that raises has a bug; its post must not be lost by it
                _log.exception(
                    "effect_crashed",
                    effect=type(effect).__name__,
                    partition_key=key.partition_key,
                    entity_id=key.entity_id,
                )
            # Jitter: one bug may hit many posts at the same moment.
            await asyncio.sleep(exponential(*CRASH_BACKOFF_SECONDS, crashes) * self._random.uniform(0.5, 1.0))
            crashes += 1
