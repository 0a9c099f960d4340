"""Transactions: what is written, when the position alone is written, and when a commit is in doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from common.clock import read_system_clocks
from common.streams import StateKey, TopicPartition
from common.streams.engine.changelog import Changelog
from common.streams.engine.inputs import ForwardOnly, InputPosition, QueuedFact
from common.streams.engine.state_store import StateStore
from common.streams.engine.transaction import IDLE_RECORDS, TransactionBuilder, TransactionWriter, event_writer
from common.streams.log.memory import MemoryLog, MemoryStore, NoFaults
from common.streams.log.port import OutgoingRecord
from fakes.counting_processor import Act, Asked, Counting, CountingProcessor, Done, Fact, RecordingEffects
from harness import virtual_time
from harness.stream_task import append_requests, events_in, request_json, serve_for, task_over
from harness.stream_worker import PausableClocks

T0, KEY = datetime(2026, 1, 1, tzinfo=UTC), StateKey("acc", "a")


@pytest.mark.parametrize(("seconds", "reopened"), [(9.0, 0), (11.0, 1)])
@pytest.mark.parametrize("way", ["suspended", "set_forward"])
def test_transaction_writer_slow_commit_is_in_doubt(way: str, seconds: float, reopened: int) -> None:
    async def main() -> None:
        clocks = PausableClocks()

        class Suspending(NoFaults):
            async def after(self, step: str) -> None:
                if step == "commit" and not getattr(clocks, way):
                    setattr(clocks, way, seconds)

        store, effects = MemoryStore(partitions=1, clock=virtual_time.clock), RecordingEffects()
        task = task_over(MemoryLog(store, Suspending()), effects, read_clocks=clocks.read)
        append_requests(store, request_json("a"))
        await serve_for(task, 5)
        assert task.reopenings == reopened
        assert events_in(store) == [("a", 1)]

    virtual_time.run(main())


@dataclass
class RecordingWriter:
    """A writer that keeps what it was given."""

    commits: list[tuple[int, Mapping[TopicPartition, int] | None]] = field(default_factory=list)

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        self.commits.append((len(records), group_offsets))

    async def close(self) -> None:
        raise NotImplementedError


def forwarded(offset: int) -> TransactionBuilder[Counting, Fact, Act]:
    """A transaction with one record that changes nothing."""
    transaction = TransactionBuilder(CountingProcessor(), StateStore(), T0)
    transaction.add(ForwardOnly(position=InputPosition(TopicPartition("post.requests", 0), offset)))
    return transaction


def writer_over(writer: RecordingWriter) -> TransactionWriter[Counting, Fact, Act]:
    return TransactionWriter(
        writer=writer,
        changelog=Changelog(service="uploader", partition=0, state_type=Counting),
        write_event=event_writer(service="uploader", partition=0, epoch_id="e", now=lambda: T0),
        read_clocks=read_system_clocks,
        offsets={"post.events": 3},
    )


async def test_transaction_writer_writes_idle_positions_rarely() -> None:
    writer = RecordingWriter()
    transactions = writer_over(writer)
    for offset in range(1, 2 * IDLE_RECORDS + 1):
        await transactions.commit(forwarded(offset), T0)
    partitions = TopicPartition("post.events", 0), TopicPartition("post.requests", 0)
    assert writer.commits == [(1, dict(zip(partitions, (3, IDLE_RECORDS), strict=True))), (1, None)]


def test_transaction_facts_see_the_changes_before_them() -> None:
    store: StateStore[Counting] = StateStore()
    transaction = TransactionBuilder(CountingProcessor(), store, T0)
    for _ in range(2):
        transaction.add(QueuedFact(key=KEY, fact=Asked("a")))
    assert store.get(KEY) is None
    transaction.apply()
    assert store.get(KEY) == Counting(asked=2)


def test_transaction_without_changes_is_empty() -> None:
    store: StateStore[Counting] = StateStore()
    store.put(KEY, Counting(asked=1), None)
    transaction = TransactionBuilder(CountingProcessor(), store, T0)
    transaction.add(QueuedFact(key=KEY, fact=Done(9)))
    assert transaction.empty
    assert list(transaction.touched) == [KEY]
