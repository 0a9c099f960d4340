"""One opening of a task: facts come in, transactions go out, effects start after them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from common.clock import Instant
from common.contract.body import Body
from common.streams.api import Due, Key, Lane, Machine, Meanwhile, Views, Wait, Wish
from common.streams.engine.changelog import Journal
from common.streams.engine.effect_runner import Flights
from common.streams.engine.inputs import Intake, Offered, Passed
from common.streams.engine.moments import Moments, seconds_between
from common.streams.engine.restore import Restored, TaskViews
from common.streams.engine.state_store import Book, Draft
from common.streams.engine.timers import Alarms
from common.streams.engine.yielding import Turns
from common.streams.log.port import Doubt, Outgoing, Reader, Record, Slice, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

PATIENCE_SECONDS = 1.0
MOST_STEPS = 500
"""Facts in one transaction at the most: beyond this a commit takes longer without costing less for each."""
QUEUE_LIMIT = 2 * MOST_STEPS
FRUITLESS_PAUSE = timedelta(seconds=1)
"""Before an effect whose outcome changed nothing is tried again: a decision that ignores it must not spin."""
IDLE_RECORDS = 1000
"""Records that changed nothing before the position alone is written."""
GROUP_OFFSETS_EVERY = timedelta(seconds=5)
LONGEST_COMMIT_SECONDS = 10.0
"""A commit that took longer may have been this process standing still, and the partition another's by now."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools(Generic[S, F, E]):
    """What a session works with."""

    machine: Machine[S, F, E]
    journal: Journal[S]
    intake: Intake[S, F, E]
    flights: Flights[E, F]
    writer: Writer
    reader: Reader
    write_event: Callable[[Body, str | None], Outgoing]
    now: Callable[[], Instant]
    moment: Moments
    progress: Callable[[], None]
    turns: Turns
    committed: Callable[[int], None]
    most_steps: int


class Session(Generic[S, F, E]):
    """Serves one partition from restored state until stopped, or until the log is in doubt."""

    def __init__(self, tools: Tools[S, F, E], restored: Restored[S]) -> None:
        self._tools = tools
        self._machine = tools.machine
        self._book: Book[S] = restored.book
        self._views: TaskViews = restored.views
        self._offsets = restored.offsets
        self._read_to = dict(restored.offsets)
        self._queue: deque[Offered[F] | Passed] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._wake = asyncio.Event()
        self._freed: dict[Key, None] = {}
        self._wishes: dict[str, dict[str, Wish[E]]] = {}
        self._timers: Alarms[Key] = Alarms()
        self._looks: Alarms[str] = Alarms()
        self._unwritten = 0
        self._group_offsets_at: Instant | None = None
        self._stop = asyncio.Event()

    def wake(self, freed: Key | None = None) -> None:
        """Something happened outside: an outcome came, or an effect ended without one."""
        if freed is not None:
            self._freed[freed] = None
        self._wake.set()

    def leave(self, key: Key, effect: E) -> Views | None:
        """What an effect may look at, if it may begin: its state wants it still, and the partition is not given up."""
        state = self._book.get(key)
        if self._stop.is_set() or state is None:
            return None
        wanted = self._machine.todo(key, state, self._tools.now())
        wished = wanted.effect if isinstance(wanted, Meanwhile) else wanted
        return self._views if wished == effect else None

    @property
    def waiting(self) -> int:
        """Facts that are not committed yet."""
        return len(self._queue) + len(self._tools.flights.outcomes)

    def overdue_since(self, now: Instant) -> timedelta:
        """How long the earliest timer has been over."""
        at = self._timers.next()
        return timedelta(0) if at is None or at > now else now - at

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop`. Raises `Doubt`, `Unusable`, `Unreadable` (in an ExceptionGroup)."""
        self._stop = stop
        async with asyncio.TaskGroup() as group:
            pump = group.create_task(self._pump(stop))
            bell = group.create_task(self._ring_on(stop))
            await self._work(stop)
            pump.cancel()
            bell.cancel()

    async def finish(self, seconds: float) -> None:
        """Let effects end and commit their outcomes; what cannot be committed stays with the flights."""
        await self._tools.flights.finish(seconds)
        self._queue.clear()
        while self.waiting:
            await self._commit()

    async def _ring_on(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _work(self, stop: asyncio.Event) -> None:
        await self._consider(self._book.keys(), fresh=True)
        alarm: asyncio.TimerHandle | None = None
        while not stop.is_set():
            if self.waiting:
                await self._commit()
            # After each transaction: however much comes in, a time that has come does not wait for its end.
            self._offer_due()
            await self._reconsider()
            if not self.waiting:
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
        self._queue.extend(Offered(key=key, fact=Due()) for key in self._timers.due(now))

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
        topic = record.slice.topic
        if any(topic == view.name for view in self._machine.views):
            self._notice_lane(self._views.apply(record), topic)
        elif record.offset >= self._read_to.get(topic, 0):
            self._read_to[topic] = record.offset + 1
            self._queue.append(self._tools.intake.step(record))
            self._wake.set()

    def _notice_lane(self, account_id: str, topic: str) -> None:
        for item in self._book.lane(account_id):
            self._notice(Key(account_id, item), topic)

    def _notice(self, key: Key, topic: str | None = None) -> None:
        """Offer what the views mean for a state that may be waiting for them."""
        state = self._book.get(key)
        for view in self._machine.views:
            body = self._views.get(view, key.lane)
            if state is None or body is None or topic not in {None, view.name}:
                continue
            if (fact := self._machine.notice(key, state, body)) is not None:
                self._queue.append(Offered(key=key, fact=fact))
                self._wake.set()

    # -- transactions out

    async def _commit(self) -> None:
        outcomes = list(self._tools.flights.outcomes)
        arrived = [self._queue.popleft() for _ in range(min(len(self._queue), self._tools.most_steps))]
        now = self._tools.now()
        draft = Draft(self._machine, self._book, now)
        for step in (*outcomes, *arrived):
            draft.take(step)
        await self._write(draft, now)
        if len(self._queue) < MOST_STEPS:
            self._room.set()
        draft.settle()
        self._tools.flights.confirm(outcomes)
        self._tools.progress()
        self._pause_fruitless(outcomes, draft, now)
        await self._consider(draft.touched, fresh=True)

    async def _write(self, draft: Draft[S, F, E], now: Instant) -> None:
        offsets = self._offsets | draft.offsets
        self._unwritten += len(draft.offsets)
        if not draft.empty or self._unwritten >= IDLE_RECORDS:
            records = draft.records(self._tools.journal, offsets, self._tools.write_event)
            began = self._tools.moment()
            await self._tools.writer.commit(records, self._for_group(offsets, now))
            if (seconds := seconds_between(began, self._tools.moment())) > LONGEST_COMMIT_SECONDS:
                # Nothing may be started on it: a successor may have done so already.
                cause = f"the commit took {seconds:.0f} s"
                raise Doubt(cause)
            self._tools.committed(len(draft.changes))
            self._unwritten = 0
        self._offsets = offsets

    def _for_group(self, offsets: Mapping[str, int], now: Instant) -> Mapping[Slice, int] | None:
        """Now and then offsets go to the group too: nobody reads them but people's lag tools."""
        if self._group_offsets_at is not None and now - self._group_offsets_at < GROUP_OFFSETS_EVERY:
            return None
        self._group_offsets_at = now
        return {Slice(topic, self._tools.journal.slice.partition): offset for topic, offset in offsets.items()}

    # -- effects after commit

    def _pause_fruitless(self, outcomes: Iterable[Offered[F]], draft: Draft[S, F, E], now: Instant) -> None:
        for outcome in outcomes:
            if outcome.key not in draft.changes and self._book.get(outcome.key) is not None:
                _log.warning("outcome_changed_nothing", account_id=outcome.key.lane, item=outcome.key.item)
                draft.touched.pop(outcome.key, None)
                self._timers.set(outcome.key, now + FRUITLESS_PAUSE)

    async def _consider(self, keys: Iterable[Key], *, fresh: bool) -> None:
        """Ask what each state wants now. `fresh` states may also have missed what a view says.

        Gives way: facts and outcomes may come meanwhile, but no state changes, since only a commit changes one and
        whoever commits is in here. A lane is admitted once all its keys are considered.
        """
        lanes: dict[str, None] = {}
        for key in keys:
            if self._stop.is_set():
                return
            self._consider_one(key)
            lanes[key.lane] = None
            if fresh:
                self._notice(key)
            await self._tools.turns.after(1)
        await self._admit_all(lanes)

    async def _admit_all(self, lanes: Iterable[str]) -> None:
        for lane in lanes:
            self._admit(lane)
            # Who admits looks at all states of the lane.
            await self._tools.turns.after(1 + len(self._book.lane(lane)))

    def _consider_one(self, key: Key) -> None:
        state = self._book.get(key)
        now = self._tools.now()
        wanted = None if state is None else self._machine.todo(key, state, now)
        self._timers.cancel(key)
        lane = self._wishes.setdefault(key.lane, {})
        lane.pop(key.item, None)
        wish: Wish[E] | None = None
        match wanted:
            case None:
                pass
            case Wait(until=until):
                self._set_timer(key, until, now)
            case Meanwhile(effect=effect, until=until):
                self._set_timer(key, until, now)
                wish = Wish(key, effect, background=True)
            case effect:
                wish = Wish(key, effect)
        self._tools.flights.keep_only(key, None if wish is None else wish.effect)
        if wish is not None:
            lane[key.item] = wish

    def _set_timer(self, key: Key, until: Instant, now: Instant) -> None:
        self._timers.set(key, until if until > now else now + FRUITLESS_PAUSE)

    def _admit(self, account_id: str) -> None:
        flights = self._tools.flights
        wishes = [wish for wish in self._wishes.get(account_id, {}).values() if not flights.busy(wish.key)]
        if not wishes or self._stop.is_set():
            self._looks.cancel(account_id)
            return
        states = self._book.lane(account_id)
        lane = Lane(account_id=account_id, states=states, running=flights.running(account_id))
        admission = self._machine.admit(lane, wishes, self._tools.now())
        wanted = {wish.key: wish for wish in wishes}
        for key in admission.start:
            flights.start(wanted[key], tenant=self._machine.tenant(states[key.item]))
        if admission.look_again is None:
            self._looks.cancel(account_id)
        else:
            self._looks.set(account_id, admission.look_again)
