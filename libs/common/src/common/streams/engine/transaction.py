"""One transaction: collects what facts change, then writes states, events, forwarded records and positions as one."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from typing import Generic, TypeVar

from common.clock import ReadClocks, UtcDatetime, elapsed_seconds
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.streams.api import Decision, Processor, StateKey
from common.streams.engine.changelog import Changelog
from common.streams.engine.inputs import ForwardOnly, QueuedFact
from common.streams.engine.state_store import StateStore
from common.streams.log.port import OutgoingRecord, TopicPartition, TransactionInDoubt, Writer

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")

IDLE_RECORDS = 1000
"""Records without a change before the position alone is written."""
GROUP_OFFSETS_EVERY = timedelta(seconds=5)
MAX_COMMIT_SECONDS = 10.0
"""A commit that took longer may mean that this process was paused, and that the partition has another owner by now."""

WriteEvent = Callable[[Body, str | None], OutgoingRecord]
"""Makes an event's record from its body and its trace."""


class TransactionBuilder(Generic[S, F, E]):
    """Collects the changes of one transaction. Each fact sees the changes of those before it.

    The state store is not touched before `apply`. If the commit fails, the builder is dropped and nothing has happened.
    """

    def __init__(self, processor: Processor[S, F, E], store: StateStore[S], now: UtcDatetime) -> None:
        self._processor = processor
        self._store = store
        self._now = now
        self.changes: dict[StateKey, tuple[S | None, str | None]] = {}
        self.touched: dict[StateKey, None] = {}
        self.events: list[tuple[Body, str | None]] = []
        self.extra_records: list[OutgoingRecord] = []
        self.offsets: dict[str, int] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write but positions."""
        return not (self.changes or self.events or self.extra_records)

    def add(self, item: QueuedFact[F] | ForwardOnly) -> None:
        """Add what one record, result or timer changes."""
        if item.position is not None:
            self.offsets[item.position.topic_partition.topic] = item.position.next_offset
        self.extra_records.extend(item.extra_records)
        if isinstance(item, QueuedFact):
            self._add_fact(item)

    def _add_fact(self, item: QueuedFact[F]) -> None:
        # A change of this transaction comes before the committed state.
        before, trace = self.changes.get(item.key) or (self._store.get(item.key), self._store.trace(item.key))
        if item.dead_letter is None:
            decision = self._processor.decide(item.key, before, item.fact, self._now)
            # A state keeps the trace of its first fact, so that one trace follows a post to its end.
            self._keep(item, before, decision, trace or item.trace)
            return
        try:
            decision = self._decide_foreign(item, before)
        except Exception as error:  # noqa: BLE001 -- a bug that one foreign record triggers must not stop those behind it
            self.extra_records.append(item.dead_letter(error))
        else:
            self._keep(item, before, decision, trace or item.trace)

    def _decide_foreign(self, item: QueuedFact[F], before: S | None) -> Decision[S]:
        """Decide about a foreign record, and try what its new state wants.

        A state that `next_effect` fails for would stop the partition and every later owner of it. So it is tried while
        the record can still become a dead letter.
        """
        decision = self._processor.decide(item.key, before, item.fact, self._now)
        if decision.state is not None and decision.state is not before:
            self._processor.next_effect(item.key, decision.state, self._now)
        return decision

    def _keep(self, item: QueuedFact[F], before: S | None, decision: Decision[S], trace: str | None) -> None:
        self.touched[item.key] = None
        self.events.extend((body, trace) for body in decision.events)
        # The same object means no change: comparing whole states for each late fact would cost more than it saves.
        if decision.state is not before:
            self.changes[item.key] = (decision.state, trace)

    def records(
        self, changelog: Changelog[S], offsets: Mapping[str, int], write_event: WriteEvent
    ) -> Sequence[OutgoingRecord]:
        """Return the transaction's records: states, events, what is passed on, and the position."""
        return [
            *(changelog.put(key, state, trace) for key, (state, trace) in self.changes.items()),
            *(write_event(body, trace) for body, trace in self.events),
            *self.extra_records,
            # In the same transaction as the states: the two can never disagree.
            changelog.put_position(offsets, self._now),
        ]

    def apply(self) -> None:
        """Put the changes into the state store: the transaction is committed."""
        for key, (state, trace) in self.changes.items():
            self._store.put(key, state, trace)


class TransactionWriter(Generic[S, F, E]):
    """Commits transactions of one opening of a task, and counts how far the inputs are read."""

    def __init__(
        self,
        *,
        writer: Writer,
        changelog: Changelog[S],
        write_event: WriteEvent,
        read_clocks: ReadClocks,
        offsets: Mapping[str, int],
    ) -> None:
        self._writer = writer
        self._changelog = changelog
        self._write_event = write_event
        self._read_clocks = read_clocks
        self._offsets = offsets
        self._uncommitted_reads = 0
        self._group_offsets_at: UtcDatetime | None = None

    async def commit(self, transaction: TransactionBuilder[S, F, E], now: UtcDatetime) -> None:
        """Write the transaction. Raises `TransactionInDoubt` if it may not have been written, or took too long.

        One that changes nothing is only counted, until its position is worth a record of its own.
        """
        # All inputs, since the record of the position replaces the one before.
        offsets = {**self._offsets, **transaction.offsets}
        self._uncommitted_reads += len(transaction.offsets)
        if not transaction.empty or self._uncommitted_reads >= IDLE_RECORDS:
            records = transaction.records(self._changelog, offsets, self._write_event)
            began = self._read_clocks()
            await self._writer.commit(records, self._group_offsets(offsets, now))
            if (seconds := elapsed_seconds(began, self._read_clocks())) > MAX_COMMIT_SECONDS:
                # No effect may start on it: the partition's next owner may have started one already.
                cause = f"the commit took {seconds:.0f} s"
                raise TransactionInDoubt(cause)
            self._uncommitted_reads = 0
        self._offsets = offsets

    def _group_offsets(self, offsets: Mapping[str, int], now: UtcDatetime) -> Mapping[TopicPartition, int] | None:
        """Return the offsets for the consumer group every few seconds. Only people's lag tools read them."""
        if self._group_offsets_at is not None and now - self._group_offsets_at < GROUP_OFFSETS_EVERY:
            return None
        self._group_offsets_at = now
        partition = self._changelog.topic_partition.partition
        return {TopicPartition(topic, partition): offset for topic, offset in offsets.items()}


def event_writer(*, service: str, partition: int, epoch_id: str, now: Callable[[], UtcDatetime]) -> WriteEvent:
    """Return a function that makes an event's record on the partition that the task owns.

    `epoch_id` names this opening of the task. With a number behind it, it is the event's id: a partition that is opened
    again can never give an id twice.
    """
    numbers = count(1)

    def write(body: Body, trace: str | None) -> OutgoingRecord:
        event_id = f"{epoch_id}-{next(numbers)}"
        value, headers = encode(Envelope(id=event_id, source=service, time=now(), traceparent=trace, body=body))
        topic_partition = TopicPartition(body.topic.name, partition)
        return OutgoingRecord(topic_partition=topic_partition, key=body.key.encode(), value=value, headers=headers)

    return write
