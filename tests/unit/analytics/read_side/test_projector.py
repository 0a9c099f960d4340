"""The projector's retries and batches over a store in memory. With MongoDB it is tested in `tests/integration`."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from analytics_service.errors import StoreUnavailable, UnreadableRecord, Unstorable
from analytics_service.read_side.documents import Upsert
from analytics_service.read_side.projector import TOPICS, Pace, Projection, project_partition
from builders.post_history import STORY, memory, records_of, upserts
from common.clock import system_clock
from common.streams import TopicPartition
from common.streams.log.memory import MemoryLog

RECORDS = records_of(STORY)
PACE = Pace(first_retry=timedelta(0), longest_retry=timedelta(0), watermark_every=timedelta(0))


class MemoryProjection:
    """A store that keeps upserts in a list, with faults on demand."""

    def __init__(self, *, faults: int = 0, unstorable: str | None = None) -> None:
        self.faults, self.unstorable = faults, unstorable
        self.written: list[Upsert] = []
        self.next: dict[TopicPartition, int] = {}
        self.complete = asyncio.Event()

    async def prepare(self) -> None:
        raise NotImplementedError

    async def positions(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self._maybe_fail()
        return {partition: self.next.get(partition, 0) for partition in partitions}

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        self._maybe_fail()
        if any(upsert.id == self.unstorable for upsert in upserts):
            raise Unstorable(OverflowError())
        self.written.extend(upserts)
        self.next |= positions

    async def advance_watermark(self, partition: int, *, to: datetime) -> None:
        assert (partition, to.tzinfo is not None) == (0, True)
        self.complete.set()

    def _maybe_fail(self) -> None:
        if self.faults > 0:
            self.faults -= 1
            raise StoreUnavailable(ConnectionError())


async def project_until_complete(store: MemoryProjection, log: MemoryLog) -> None:
    projection = Projection(store=store, clock=system_clock, pace=PACE)
    task = asyncio.create_task(project_partition(projection, await log.reader(), 0))
    waiting = asyncio.create_task(store.complete.wait())
    try:
        async with asyncio.timeout(10):
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.wait({task, waiting})


async def test_every_record_is_written_and_its_position_kept() -> None:
    store = MemoryProjection()
    await project_until_complete(store, MemoryLog(memory(RECORDS)))
    assert {upsert.id for upsert in store.written} == {upsert.id for upsert in upserts(RECORDS)}
    assert store.next.keys() <= {TopicPartition(topic.name, 0) for topic in TOPICS}
    assert sum(store.next.values()) == len(RECORDS)


async def test_failing_store_is_retried() -> None:
    store = MemoryProjection(faults=3)
    await project_until_complete(store, MemoryLog(memory(RECORDS)))
    assert store.faults == 0
    assert sum(store.next.values()) == len(RECORDS)


async def test_unstorable_change_is_skipped_alone() -> None:
    store = MemoryProjection(unstorable="acc_1/shop/post-1")
    await project_until_complete(store, MemoryLog(memory(RECORDS)))
    expected = {upsert.id for upsert in upserts(RECORDS)} - {store.unstorable}
    assert {upsert.id for upsert in store.written} == expected
    assert sum(store.next.values()) == len(RECORDS)


async def test_unreadable_record_ends_projector_after_those_before_it() -> None:
    own = [record for record in RECORDS if record.topic_partition.topic == "post.events"]
    store = MemoryProjection()
    with pytest.raises(UnreadableRecord, match=r"post\.events/0 at 2"):
        await project_until_complete(store, MemoryLog(memory([*own[:2], own[2]._replace(value=b"{")])))
    assert store.next[TopicPartition("post.events", 0)] == 2
