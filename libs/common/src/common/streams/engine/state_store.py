"""A task's committed states, by lane, and the draft of the next transaction over them (no I/O)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Generic, TypeVar

from common.clock import Instant
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.streams.api import Decision, Key, Machine
from common.streams.engine.changelog import Journal
from common.streams.engine.inputs import Offered, Passed
from common.streams.log.port import Outgoing, Slice

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")


class Book(Generic[S]):
    """The committed states of one partition."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[str, S]] = {}
        self._traces: dict[Key, str] = {}
        self._formerly: dict[Key, Key] = {}

    def get(self, key: Key) -> S | None:
        """Return a state, if there is one."""
        return self._lanes.get(key.lane, {}).get(key.item)

    def trace(self, key: Key) -> str | None:
        """Return the trace a state belongs to."""
        return self._traces.get(key)

    def formerly(self, key: Key) -> Key | None:
        """Return the older name that a state still has in the log."""
        return self._formerly.get(key)

    def rename(self, old: Key, new: Key) -> None:
        """Give a state the name it goes by today, unless another has it."""
        if new != old and self.get(new) is None:
            state, trace = self.get(old), self.trace(old)
            self.put(old, None, None)
            self.put(new, state, trace)
            self._formerly[new] = old

    def put(self, key: Key, state: S | None, trace: str | None) -> None:
        """Set or forget a state."""
        self._formerly.pop(key, None)
        if state is None:
            self._traces.pop(key, None)
            lane = self._lanes.get(key.lane, {})
            lane.pop(key.item, None)
            if not lane:
                self._lanes.pop(key.lane, None)
            return
        self._lanes.setdefault(key.lane, {})[key.item] = state
        if trace is not None:
            self._traces[key] = trace

    def lane(self, account_id: str) -> Mapping[str, S]:
        """Return an account's states."""
        return self._lanes.get(account_id, {})

    def keys(self) -> Iterator[Key]:
        """Name every state."""
        return (key for key, _ in self.all())

    def all(self) -> Iterator[tuple[Key, S]]:
        """Go through every state."""
        return ((Key(lane, item), state) for lane, items in self._lanes.items() for item, state in items.items())


class Draft(Generic[S, F, E]):
    """One transaction in the making. Each fact sees the changes of those before it."""

    def __init__(self, machine: Machine[S, F, E], book: Book[S], now: Instant) -> None:
        self._machine = machine
        self._book = book
        self._now = now
        self.changes: dict[Key, tuple[S | None, str | None]] = {}
        self.touched: dict[Key, None] = {}
        self.events: list[tuple[Body, str | None]] = []
        self.passing: list[Outgoing] = []
        self.offsets: dict[str, int] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but how far the inputs are read."""
        return not (self.changes or self.events or self.passing)

    def take(self, step: Offered[F] | Passed) -> None:
        """Let one step change the draft."""
        if step.mark is not None:
            self.offsets[step.mark.slice.topic] = step.mark.next_offset
        self.passing.extend(step.passing)
        if isinstance(step, Offered):
            self._take_fact(step)

    def _take_fact(self, step: Offered[F]) -> None:
        before, trace = self.changes.get(step.key) or (self._book.get(step.key), self._book.trace(step.key))
        if step.put_aside is None:
            self._keep(step, before, self._machine.decide(step.key, before, step.fact, self._now), trace or step.trace)
            return
        try:
            decision = self._decide_and_look_ahead(step, before)
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's record does to us, those behind it go on
            self.passing.append(step.put_aside(error))
        else:
            self._keep(step, before, decision, trace or step.trace)

    def _decide_and_look_ahead(self, step: Offered[F], before: S | None) -> Decision[S]:
        """Decide, and see that the new state says what it wants: one that cannot would stop every owner to come."""
        decision = self._machine.decide(step.key, before, step.fact, self._now)
        if decision.state is not None and decision.state is not before:
            self._machine.todo(step.key, decision.state, self._now)
        return decision

    def _keep(self, step: Offered[F], before: S | None, decision: Decision[S], trace: str | None) -> None:
        key = step.key
        self.touched[key] = None
        self.events.extend((body, trace) for body in decision.events)
        if decision.state is not before:
            self.changes[key] = (decision.state, trace)

    def records(
        self, journal: Journal[S], offsets: Mapping[str, int], write: Callable[[Body, str | None], Outgoing]
    ) -> Sequence[Outgoing]:
        """Lay out the transaction: states, events, what is passed on, and the position."""
        return [
            *(journal.put(key, state, trace) for key, (state, trace) in self.changes.items()),
            *(journal.put(old, None, None) for old in map(self._book.formerly, self.changes) if old is not None),
            *(write(body, trace) for body, trace in self.events),
            *self.passing,
            journal.put_position(offsets, self._now),
        ]

    def settle(self) -> None:
        """The transaction is committed: let its changes count."""
        for key, (state, trace) in self.changes.items():
            self._book.put(key, state, trace)


def event_writer(
    *, service: str, partition: int, run: str, now: Callable[[], Instant]
) -> Callable[[Body, str | None], Outgoing]:
    """Return a function that makes an event's record, on the partition the task owns.

    `run` names this opening of the task; with a count behind it, it is the event's id.
    """
    numbers = count(1)

    def write(body: Body, trace: str | None) -> Outgoing:
        event_id = f"{run}-{next(numbers)}"
        value, headers = encode(Envelope(id=event_id, source=service, time=now(), traceparent=trace, body=body))
        slice_ = Slice(body.topic.name, partition)
        return Outgoing(slice=slice_, key=body.key.encode(), value=value, headers=headers)

    return write
