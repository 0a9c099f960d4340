"""One opening of a task: facts come in, transactions go out, effects start after them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from common.clock import UtcDatetime
from common.streams.api import Due, Processor, StateKey, Views
from common.streams.engine import metrics
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.inputs import ForwardOnly, InputReader, QueuedFact
from common.streams.engine.restore import Restored, TaskViews
from common.streams.engine.scheduler import Scheduler
from common.streams.engine.state_store import StateStore
from common.streams.engine.transaction import TransactionBuilder, TransactionWriter
from common.streams.engine.yielding import Yielder
from common.streams.log.port import Reader, Record

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

FETCH_SECONDS = 1.0
MAX_FACTS = 500
"""Facts in one transaction. With more, a commit takes longer and costs no less per fact."""
QUEUE_LIMIT = 2 * MAX_FACTS

_log = structlog.get_logger()


class Session(Generic[S, F, E]):
    """Serves one partition from its restored state until `stop`, or until the log is in doubt.

    Two tasks share the queue: one reads records into it, the other takes facts out, commits them and starts effects.
    """

    def __init__(
        self,
        *,
        processor: Processor[S, F, E],
        restored: Restored[S],
        inputs: InputReader[S, F, E],
        reader: Reader,
        transactions: TransactionWriter[S, F, E],
        effects: EffectRunner[E, F],
        now: Callable[[], UtcDatetime],
        yielder: Yielder,
        progress: Callable[[], None],
        max_facts: int,
        stop: asyncio.Event,
    ) -> None:
        self._processor = processor
        self._store: StateStore[S] = restored.store
        self._views: TaskViews = restored.views
        # How far records are read, ahead of what is committed.
        self._next_offsets = dict(restored.offsets)
        self._inputs = inputs
        self._reader = reader
        self._transactions = transactions
        self._effects = effects
        self._now = now
        self._progress = progress
        self._max_facts = max_facts
        self._stop = stop
        self._scheduler = Scheduler(
            processor=processor,
            store=restored.store,
            effects=effects,
            now=now,
            yielder=yielder,
            on_committed=self._apply_views,
            stop=stop,
        )
        self._count_transitions = metrics.TRANSITIONS.labels(processor.service).inc
        self._queue: deque[QueuedFact[F] | ForwardOnly] = deque()
        self._queue_has_space = asyncio.Event()
        self._queue_has_space.set()
        self._wakeup = asyncio.Event()
        self._freed_keys: dict[StateKey, None] = {}

    def wake(self, freed: StateKey | None = None) -> None:
        """Continue: an effect's result has come, or the effect of the `freed` state ended without one."""
        if freed is not None:
            self._freed_keys[freed] = None
        self._wakeup.set()

    def may_start(self, key: StateKey, effect: E) -> Views | None:
        """Return the views if the effect may still start, else None.

        Checked again at start because the effect may have waited in the queue while its state changed or the partition
        was lost.
        """
        return self._views if self._scheduler.wants(key, effect) else None

    @property
    def pending(self) -> int:
        """How many facts and results wait to be committed."""
        return len(self._queue) + len(self._effects.results)

    def overdue(self) -> timedelta:
        """Return for how long the earliest timer has been due."""
        return self._scheduler.overdue()

    async def serve(self) -> None:
        """Work until `stop`.

        Raises `TransactionInDoubt`, `LogUnavailable`, `UnreadableRecord` (in an ExceptionGroup).
        """
        # If one of them fails, the group cancels the other, and the task reopens.
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read_inputs())
            stopping = group.create_task(self._wake_on_stop())
            await self._work()
            reading.cancel()
            stopping.cancel()

    async def finish(self, seconds: float) -> None:
        """Let effects end and commit their results. What cannot be committed stays with the effect runner."""
        await self._effects.finish(seconds)
        # What was read and not committed is read again by the next owner. Results are not, so they are committed.
        self._queue.clear()
        while self.pending:
            await self._commit()

    async def _wake_on_stop(self) -> None:
        await self._stop.wait()
        self._wakeup.set()

    async def _work(self) -> None:
        await self._scheduler.on_restored()
        timer: asyncio.TimerHandle | None = None
        while not self._stop.is_set():
            if self.pending:
                await self._commit()
            # After each transaction: a timer that is due must not wait until no more facts come in.
            self._queue.extend(QueuedFact(key=key, fact=Due()) for key in self._scheduler.due())
            # Taken out first: effects may end while the scheduler yields.
            freed, self._freed_keys = self._freed_keys, {}
            await self._scheduler.on_effects_ended(freed)
            await self._scheduler.recheck()
            if not self.pending:
                timer = self._set_timer(timer)
                await self._wakeup.wait()
                self._wakeup.clear()
        if timer is not None:
            timer.cancel()

    def _set_timer(self, previous: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
        if previous is not None:
            previous.cancel()
        at = self._scheduler.next_time()
        if at is None:
            return None
        # Not 0: the loop would spin if the clock stood still.
        seconds = max((at - self._now()).total_seconds(), 0.001)
        return asyncio.get_running_loop().call_later(seconds, self._wakeup.set)

    # -- facts in

    async def _read_inputs(self) -> None:
        # `cancelling()` too: a client may swallow the only cancellation that this task gets.
        task = asyncio.current_task()
        while not self._stop.is_set() and not (task and task.cancelling()):
            await self._queue_has_space.wait()
            for record in await self._reader.fetch(FETCH_SECONDS):
                self._receive(record)
            # A client that has the next records already returns without waiting, and nothing else would run.
            await asyncio.sleep(0)
            if len(self._queue) >= QUEUE_LIMIT:
                self._queue_has_space.clear()

    def _receive(self, record: Record) -> None:
        topic = record.topic_partition.topic
        if any(topic == view.name for view in self._processor.views):
            account_id = self._views.apply(record)
            for entity_id in self._store.group(account_id):
                self._apply_views(StateKey(account_id, entity_id), topic)
        elif record.offset >= self._next_offsets.get(topic, 0):
            # A record below the next offset has been delivered before: it was committed, or is in the queue.
            self._next_offsets[topic] = record.offset + 1
            self._queue.append(self._inputs.read(record))
            self._wakeup.set()

    def _apply_views(self, key: StateKey, topic: str | None = None) -> None:
        """Queue the facts that the views, or the one of this topic, mean for a state."""
        state = self._store.get(key)
        for view in self._processor.views:
            body = self._views.get(view, key.partition_key)
            if state is None or body is None or topic not in {None, view.name}:
                continue
            if (fact := self._processor.on_view_change(key, state, body)) is not None:
                self._queue.append(QueuedFact(key=key, fact=fact))
                self._wakeup.set()

    # -- transactions out

    async def _commit(self) -> None:
        """Commit what waits, in one transaction, and only then start what the new states want."""
        # A copy: further results may come during the commit, and are not part of it.
        results = list(self._effects.results)
        arrived = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_facts))]
        now = self._now()
        transaction = TransactionBuilder(self._processor, self._store, now)
        for item in (*results, *arrived):
            transaction.add(item)
        await self._transactions.commit(transaction, now)
        if len(self._queue) < MAX_FACTS:
            self._queue_has_space.set()
        # From here on the new states count. Until now every reader of the store saw the old ones.
        transaction.apply()
        self._effects.confirm(results)
        self._progress()
        self._count_transitions(len(transaction.changes))
        self._delay_unchanged(results, transaction, now)
        await self._scheduler.on_commit(transaction.touched)

    def _delay_unchanged(
        self, results: Iterable[QueuedFact[F]], transaction: TransactionBuilder[S, F, E], now: UtcDatetime
    ) -> None:
        """Pause states whose effect returned a result that changed nothing: they want the same effect again."""
        for result in results:
            if result.key not in transaction.changes and self._store.get(result.key) is not None:
                _log.warning(
                    "result_changed_nothing", partition_key=result.key.partition_key, entity_id=result.key.entity_id
                )
                # Not scheduled now but when the pause is over.
                transaction.touched.pop(result.key, None)
                self._scheduler.retry_later(result.key, now)
