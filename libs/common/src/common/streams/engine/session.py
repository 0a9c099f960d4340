"""One opening of a task: facts come in, transactions go out, effects start after them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from common.clock import ReadClocks, UtcDatetime, elapsed_seconds
from common.contract.body import Body
from common.streams.api import Background, Due, EffectRequest, EntityGroup, Processor, StateKey, Views, Wait
from common.streams.engine.changelog import Changelog
from common.streams.engine.effect_runner import EffectRunner
from common.streams.engine.inputs import ForwardOnly, InputReader, QueuedFact
from common.streams.engine.restore import Restored, TaskViews
from common.streams.engine.state_store import StateStore, TransactionBuilder
from common.streams.engine.timers import TimerQueue
from common.streams.engine.yielding import Yielder
from common.streams.log.port import OutgoingRecord, Reader, Record, TopicPartition, TransactionInDoubt, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

PATIENCE_SECONDS = 1.0
MOST_STEPS = 500
"""Facts in one transaction at the most: beyond this a commit takes longer without costing less for each."""
QUEUE_LIMIT = 2 * MOST_STEPS
NO_CHANGE_BACKOFF = timedelta(seconds=1)
"""Before an effect whose outcome changed nothing is tried again: a decision that ignores it must not spin."""
IDLE_RECORDS = 1000
"""Records that changed nothing before the position alone is written."""
GROUP_OFFSETS_EVERY = timedelta(seconds=5)
LONGEST_COMMIT_SECONDS = 10.0
"""A commit that took longer may have been this process standing still, and the partition another's by now."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDependencies(Generic[S, F, E]):
    """What a session works with."""

    processor: Processor[S, F, E]
    changelog: Changelog[S]
    inputs: InputReader[S, F, E]
    effects: EffectRunner[E, F]
    writer: Writer
    reader: Reader
    write_event: Callable[[Body, str | None], OutgoingRecord]
    now: Callable[[], UtcDatetime]
    read_clocks: ReadClocks
    progress: Callable[[], None]
    yielder: Yielder
    committed: Callable[[int], None]
    most_steps: int


class Session(Generic[S, F, E]):
    """Serves one partition from restored state until stopped, or until the log is in doubt."""

    def __init__(self, tools: SessionDependencies[S, F, E], restored: Restored[S]) -> None:
        self._tools = tools
        self._machine = tools.processor
        self._book: StateStore[S] = restored.store
        self._views: TaskViews = restored.views
        self._offsets = restored.offsets
        self._read_to = dict(restored.offsets)
        self._queue: deque[QueuedFact[F] | ForwardOnly] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._wake = asyncio.Event()
        self._freed: dict[StateKey, None] = {}
        self._wishes: dict[str, dict[str, EffectRequest[E]]] = {}
        self._timers: TimerQueue[StateKey] = TimerQueue()
        self._looks: TimerQueue[str] = TimerQueue()
        self._unwritten = 0
        self._group_offsets_at: UtcDatetime | None = None
        self._stop = asyncio.Event()

    def wake(self, freed: StateKey | None = None) -> None:
        """Something happened outside: an outcome came, or an effect ended without one."""
        if freed is not None:
            self._freed[freed] = None
        self._wake.set()

    def may_start(self, key: StateKey, effect: E) -> Views | None:
        """What an effect may look at, if it may begin: its state wants it still, and the partition is not given up."""
        state = self._book.get(key)
        if self._stop.is_set() or state is None:
            return None
        wanted = self._machine.next_effect(key, state, self._tools.now())
        wished = wanted.effect if isinstance(wanted, Background) else wanted
        return self._views if wished == effect else None

    @property
    def pending(self) -> int:
        """Facts that are not committed yet."""
        return len(self._queue) + len(self._tools.effects.results)

    def overdue_since(self, now: UtcDatetime) -> timedelta:
        """How long the earliest timer has been over."""
        at = self._timers.next()
        return timedelta(0) if at is None or at > now else now - at

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop`.

        Raises `TransactionInDoubt`, `LogUnavailable`, `UnreadableRecord` (in an ExceptionGroup).
        """
        self._stop = stop
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(self._pump(stop))
            bell = group.create_task(self._ring_on(stop))
            await self._work(stop)
            pump.cancel()
            bell.cancel()

    async def finish(self, seconds: float) -> None:
        """Let effects end and commit their outcomes; what cannot be committed stays with the flights."""
        await self._tools.effects.finish(seconds)
        self._queue.clear()
        while self.pending:
            await self._commit()

    async def _ring_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _work(self, stop: asyncio.Event) -> None:
        await self._consider(self._book.keys(), fresh=True)
        alarm: asyncio.TimerHandle | None = None
        while not stop.is_set():
            if self.pending:
                await self._commit()
            # After each transaction: however much comes in, a time that has come does not wait for its end.
            self._offer_due()
            await self._reconsider()
            if not self.pending:
                alarm = self._set_alarm(alarm)
                await self._wake.wait()
                self._wake.clear()
        if alarm is not None:
            alarm.cancel()

    def _set_alarm(self, old: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
        if old is not None:
            old.cancel()
        times = [at for at in (self._timers.next(), self._looks.next()) if at is not None]
        if not times:
            return None
        seconds = max((min(times) - self._tools.now()).total_seconds(), 0.001)
        return asyncio.get_running_loop().call_later(seconds, self._wake.set)

    def _offer_due(self) -> None:
        now = self._tools.now()
        self._queue.extend(QueuedFact(key=key, fact=Due()) for key in self._timers.due(now))

    async def _reconsider(self) -> None:
        freed, self._freed = self._freed, {}
        await self._consider(freed, fresh=False)
        await self._admit_all(self._looks.due(self._tools.now()))

    # -- facts in

    async def _pump(self, stop: asyncio.Event) -> None:
        # Looks at these too: a client may swallow the one cancellation it gets.
        task = asyncio.current_task()
        while not stop.is_set() and not (task and task.cancelling()):
            await self._room.wait()
            for record in await self._tools.reader.fetch(PATIENCE_SECONDS):
                self._receive(record)
            # A client that has the next records already does not wait. Only a commit counts as getting on.
            await asyncio.sleep(0)
            if len(self._queue) >= QUEUE_LIMIT:
                self._room.clear()

    def _receive(self, record: Record) -> None:
        topic = record.topic_partition.topic
        if any(topic == view.name for view in self._machine.views):
            self._notice_lane(self._views.apply(record), topic)
        elif record.offset >= self._read_to.get(topic, 0):
            self._read_to[topic] = record.offset + 1
            self._queue.append(self._tools.inputs.read(record))
            self._wake.set()

    def _notice_lane(self, account_id: str, topic: str) -> None:
        for item in self._book.group(account_id):
            self._notice(StateKey(account_id, item), topic)

    def _notice(self, key: StateKey, topic: str | None = None) -> None:
        """Offer what the views mean for a state that may be waiting for them."""
        state = self._book.get(key)
        for view in self._machine.views:
            body = self._views.get(view, key.partition_key)
            if state is None or body is None or topic not in {None, view.name}:
                continue
            if (fact := self._machine.on_view_change(key, state, body)) is not None:
                self._queue.append(QueuedFact(key=key, fact=fact))
                self._wake.set()

    # -- transactions out

    async def _commit(self) -> None:
        outcomes = list(self._tools.effects.results)
        arrived = [self._queue.popleft() for _ in range(min(len(self._queue), self._tools.most_steps))]
        now = self._tools.now()
        draft = TransactionBuilder(self._machine, self._book, now)
        for step in (*outcomes, *arrived):
            draft.take(step)
        await self._write(draft, now)
        if len(self._queue) < MOST_STEPS:
            self._room.set()
        draft.apply()
        self._tools.effects.confirm(outcomes)
        self._tools.progress()
        self._pause_fruitless(outcomes, draft, now)
        await self._consider(draft.touched, fresh=True)

    async def _write(self, draft: TransactionBuilder[S, F, E], now: UtcDatetime) -> None:
        offsets = self._offsets | draft.offsets
        self._unwritten += len(draft.offsets)
        if not draft.empty or self._unwritten >= IDLE_RECORDS:
            records = draft.records(self._tools.changelog, offsets, self._tools.write_event)
            began = self._tools.read_clocks()
            await self._tools.writer.commit(records, self._for_group(offsets, now))
            if (seconds := elapsed_seconds(began, self._tools.read_clocks())) > LONGEST_COMMIT_SECONDS:
                # Nothing may be started on it: a successor may have done so already.
                cause = f"the commit took {seconds:.0f} s"
                raise TransactionInDoubt(cause)
            self._tools.committed(len(draft.changes))
            self._unwritten = 0
        self._offsets = offsets

    def _for_group(self, offsets: Mapping[str, int], now: UtcDatetime) -> Mapping[TopicPartition, int] | None:
        """Now and then offsets go to the group too: nobody reads them but people's lag tools."""
        if self._group_offsets_at is not None and now - self._group_offsets_at < GROUP_OFFSETS_EVERY:
            return None
        self._group_offsets_at = now
        return {
            TopicPartition(topic, self._tools.changelog.topic_partition.partition): offset
            for topic, offset in offsets.items()
        }

    # -- effects after commit

    def _pause_fruitless(
        self, outcomes: Iterable[QueuedFact[F]], draft: TransactionBuilder[S, F, E], now: UtcDatetime
    ) -> None:
        for outcome in outcomes:
            if outcome.key not in draft.changes and self._book.get(outcome.key) is not None:
                _log.warning(
                    "outcome_changed_nothing", account_id=outcome.key.partition_key, item=outcome.key.entity_id
                )
                draft.touched.pop(outcome.key, None)
                self._timers.set(outcome.key, now + NO_CHANGE_BACKOFF)

    async def _consider(self, keys: Iterable[StateKey], *, fresh: bool) -> None:
        """Ask what each state wants now. `fresh` states may also have missed what a view says.

        Gives way: facts and outcomes may come meanwhile, but no state changes, since only a commit changes one and
        whoever commits is in here. A lane is admitted once all its keys are considered.
        """
        lanes: dict[str, None] = {}
        for key in keys:
            if self._stop.is_set():
                return
            self._consider_one(key)
            lanes[key.partition_key] = None
            if fresh:
                self._notice(key)
            await self._tools.yielder.tick(1)
        await self._admit_all(lanes)

    async def _admit_all(self, lanes: Iterable[str]) -> None:
        for lane in lanes:
            self._admit(lane)
            # Who admits looks at all states of the lane.
            await self._tools.yielder.tick(1 + len(self._book.group(lane)))

    def _consider_one(self, key: StateKey) -> None:
        state = self._book.get(key)
        now = self._tools.now()
        wanted = None if state is None else self._machine.next_effect(key, state, now)
        self._timers.cancel(key)
        lane = self._wishes.setdefault(key.partition_key, {})
        lane.pop(key.entity_id, None)
        wish: EffectRequest[E] | None = None
        match wanted:
            case None:
                pass
            case Wait(until=until):
                self._set_timer(key, until, now)
            case Background(effect=effect, until=until):
                self._set_timer(key, until, now)
                wish = EffectRequest(key, effect, background=True)
            case effect:
                wish = EffectRequest(key, effect)
        self._tools.effects.keep_only(key, None if wish is None else wish.effect)
        if wish is not None:
            lane[key.entity_id] = wish

    def _set_timer(self, key: StateKey, until: UtcDatetime, now: UtcDatetime) -> None:
        self._timers.set(key, until if until > now else now + NO_CHANGE_BACKOFF)

    def _admit(self, account_id: str) -> None:
        flights = self._tools.effects
        wishes = [wish for wish in self._wishes.get(account_id, {}).values() if not flights.busy(wish.key)]
        if not wishes or self._stop.is_set():
            self._looks.cancel(account_id)
            return
        states = self._book.group(account_id)
        lane = EntityGroup(partition_key=account_id, states=states, running=flights.running(account_id))
        admission = self._machine.admit(lane, wishes, self._tools.now())
        wanted = {wish.key: wish for wish in wishes}
        for key in admission.start:
            flights.start(wanted[key], tenant=self._machine.fairness_key(states[key.entity_id]))
        if admission.retry_at is None:
            self._looks.cancel(account_id)
        else:
            self._looks.set(account_id, admission.retry_at)
