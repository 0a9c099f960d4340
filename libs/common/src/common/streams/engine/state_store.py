"""A task's committed states, by lane, and the draft of the next transaction over them (no I/O)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Generic, TypeVar

from common.clock import UtcDatetime
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.streams.api import Decision, Processor, StateKey
from common.streams.engine.changelog import Changelog
from common.streams.engine.inputs import ForwardOnly, QueuedFact
from common.streams.log.port import OutgoingRecord, TopicPartition

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")


class StateStore(Generic[S]):
    """The committed states of one partition."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[str, S]] = {}
        self._traces: dict[StateKey, str] = {}

    def get(self, key: StateKey) -> S | None:
        """Return a state, if there is one."""
        return self._lanes.get(key.partition_key, {}).get(key.entity_id)

    def trace(self, key: StateKey) -> str | None:
        """Return the trace a state belongs to."""
        return self._traces.get(key)

    def put(self, key: StateKey, state: S | None, trace: str | None) -> None:
        """Set or forget a state."""
        if state is None:
            self._traces.pop(key, None)
            lane = self._lanes.get(key.partition_key, {})
            lane.pop(key.entity_id, None)
            if not lane:
                self._lanes.pop(key.partition_key, None)
            return
        self._lanes.setdefault(key.partition_key, {})[key.entity_id] = state
        if trace is not None:
            self._traces[key] = trace

    def group(self, account_id: str) -> Mapping[str, S]:
        """Return an account's states."""
        return self._lanes.get(account_id, {})

    def keys(self) -> Iterator[StateKey]:
        """Name every state."""
        return (key for key, _ in self.all())

    def all(self) -> Iterator[tuple[StateKey, S]]:
        """Go through every state."""
        return ((StateKey(lane, item), state) for lane, items in self._lanes.items() for item, state in items.items())


class TransactionBuilder(Generic[S, F, E]):
    """One transaction in the making. Each fact sees the changes of those before it."""

    def __init__(self, machine: Processor[S, F, E], book: StateStore[S], now: UtcDatetime) -> None:
        self._machine = machine
        self._book = book
        self._now = now
        self.changes: dict[StateKey, tuple[S | None, str | None]] = {}
        self.touched: dict[StateKey, None] = {}
        self.events: list[tuple[Body, str | None]] = []
        self.extra_records: list[OutgoingRecord] = []
        self.offsets: dict[str, int] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but how far the inputs are read."""
        return not (self.changes or self.events or self.extra_records)

    def take(self, step: QueuedFact[F] | ForwardOnly) -> None:
        """Let one step change the draft."""
        if step.position is not None:
            self.offsets[step.position.slice.topic] = step.position.next_offset
        self.extra_records.extend(step.extra_records)
        if isinstance(step, QueuedFact):
            self._take_fact(step)

    def _take_fact(self, step: QueuedFact[F]) -> None:
        before, trace = self.changes.get(step.key) or (self._book.get(step.key), self._book.trace(step.key))
        if step.dead_letter is None:
            self._keep(step, before, self._machine.decide(step.key, before, step.fact, self._now), trace or step.trace)
            return
        try:
            decision = self._decide_and_look_ahead(step, before)
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's record does to us, those behind it go on
            self.extra_records.append(step.dead_letter(error))
        else:
            self._keep(step, before, decision, trace or step.trace)

    def _decide_and_look_ahead(self, step: QueuedFact[F], before: S | None) -> Decision[S]:
        """Decide, and see that the new state says what it wants: one that cannot would stop every owner to come."""
        decision = self._machine.decide(step.key, before, step.fact, self._now)
        if decision.state is not None and decision.state is not before:
            self._machine.next_effect(step.key, decision.state, self._now)
        return decision

    def _keep(self, step: QueuedFact[F], before: S | None, decision: Decision[S], trace: str | None) -> None:
        key = step.key
        self.touched[key] = None
        self.events.extend((body, trace) for body in decision.events)
        if decision.state is not before:
            self.changes[key] = (decision.state, trace)

    def records(
        self, journal: Changelog[S], offsets: Mapping[str, int], write: Callable[[Body, str | None], OutgoingRecord]
    ) -> Sequence[OutgoingRecord]:
        """Lay out the transaction: states, events, what is passed on, and the position."""
        return [
            *(journal.put(key, state, trace) for key, (state, trace) in self.changes.items()),
            *(write(body, trace) for body, trace in self.events),
            *self.extra_records,
            journal.put_position(offsets, self._now),
        ]

    def apply(self) -> None:
        """The transaction is committed: let its changes count."""
        for key, (state, trace) in self.changes.items():
            self._book.put(key, state, trace)


def event_writer(
    *, service: str, partition: int, epoch_id: str, now: Callable[[], UtcDatetime]
) -> Callable[[Body, str | None], OutgoingRecord]:
    """Return a function that makes an event's record, on the partition the task owns.

    `run` names this opening of the task; with a count behind it, it is the event's id.
    """
    numbers = count(1)

    def write(body: Body, trace: str | None) -> OutgoingRecord:
        event_id = f"{epoch_id}-{next(numbers)}"
        value, headers = encode(Envelope(id=event_id, source=service, time=now(), traceparent=trace, body=body))
        slice_ = TopicPartition(body.topic.name, partition)
        return OutgoingRecord(topic_partition=slice_, key=body.key.encode(), value=value, headers=headers)

    return write
