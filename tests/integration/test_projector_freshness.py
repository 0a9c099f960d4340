"""The projector's watermark: it never promises more than the store holds."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import pytest

from analytics_service.api import ReadApi
from analytics_service.api_models import TimelineEvent
from analytics_service.read_side.database import Database
from analytics_service.read_side.documents import Collection
from analytics_service.read_side.projector import Projection, project_partition
from analytics_service.read_side.queries import PostLocator, PostRow, StoreReader
from analytics_service.read_side.store import StoreWriter
from builders.post_history import STORY, T0, T0_MS, VIDEO, memory, post, records_of, upserts
from common.clock import system_clock
from common.contract.post import PostAvailable, PostProgressed
from common.contract.topics import METRICS_EVENTS, POST_EVENTS
from common.streams import Record, TopicPartition
from common.streams.log.memory import MemoryLog
from harness.projector import ENOUGH, QUICK, WatchedStore, run_projector

T = TypeVar("T")


async def test_quiet_partition_is_complete(database: Database) -> None:
    store_watch = WatchedStore(database)
    started = system_clock() - timedelta(milliseconds=1)
    async with run_projector(store_watch, MemoryLog(memory(()))):
        async with asyncio.timeout(ENOUGH):
            await store_watch.complete.wait()
    found = await database[Collection.WATERMARKS].find_one({"_id": 0})
    assert found is not None
    assert started <= found["watermark"] <= system_clock()


class MetricsFirst:
    """A reader that gets all numbers first, and the rest when the test lets it."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._first = [record for record in records if record.topic_partition.topic == METRICS_EVENTS.name]
        self._later = [record for record in records if record not in self._first]
        self._ends = {record.topic_partition: record.offset + 1 for record in records}
        self._positions: dict[TopicPartition, int] = {}
        self.waiting, self.rest = asyncio.Event(), asyncio.Event()

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        self._positions = dict(positions)

    async def ends(self) -> Mapping[TopicPartition, int]:
        return self._ends

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        del max_wait
        if self._first:
            batch, self._first = self._first, []
        else:
            self.waiting.set()
            await self.rest.wait()
            batch, self._later = self._later, []
        if not batch:
            await asyncio.Event().wait()
        self._positions |= {record.topic_partition: record.offset + 1 for record in batch}
        return batch

    async def position(self, slice_: TopicPartition) -> int:
        return self._positions[slice_]

    async def close(self) -> None:
        pass


async def test_metrics_read_first_do_not_move_the_watermark(database: Database) -> None:
    records = [record._replace(time_ms=T0_MS + record.offset) for record in records_of(STORY)]
    store_watch, reader = WatchedStore(database), MetricsFirst(records)
    projection = Projection(store=store_watch, clock=system_clock, pace=QUICK)
    run_projector = asyncio.create_task(project_partition(projection, reader, 0))
    try:
        await store_watch.until_written(2)
        async with asyncio.timeout(ENOUGH):
            await reader.waiting.wait()
        assert await StoreReader(database).watermark(0) is None
        reader.rest.set()
        async with asyncio.timeout(ENOUGH):
            await store_watch.complete.wait()
        assert store_watch.written == len(upserts(records))
    finally:
        run_projector.cancel()
        await asyncio.wait({run_projector})


class Endless(MetricsFirst):
    """A reader of a partition that always holds a little more than was read."""

    def __init__(self) -> None:
        super().__init__(())
        self._samples = records_of([post(PostProgressed, 1, bytes_sent=1, bytes_total=2)])
        self.looks: list[int] = []
        self.looked_at: list[datetime] = []
        self._hours = count(1)

    def clock(self) -> datetime:
        """An hour later each time it is read."""
        return T0 + timedelta(hours=next(self._hours))

    async def ends(self) -> Mapping[TopicPartition, int]:
        ends = {slice_: at + 3 * (slice_.topic == POST_EVENTS.name) for slice_, at in self._positions.items()}
        self.looked_at.append(self.clock())
        self.looks.append(ends[TopicPartition(POST_EVENTS.name, 0)])
        return ends

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        del max_wait
        slice_ = TopicPartition(POST_EVENTS.name, 0)
        record = self._samples[0]._replace(offset=self._positions[slice_])
        self._positions[slice_] += 1
        return [record]


async def test_busy_partition_is_fresh(database: Database) -> None:
    store_watch, reader = WatchedStore(database), Endless()
    projection = Projection(store=store_watch, clock=reader.clock, pace=QUICK)
    run_projector = asyncio.create_task(project_partition(projection, reader, 0))
    try:
        async with asyncio.timeout(ENOUGH):
            await store_watch.complete.wait()
        reached = (await StoreWriter(database).positions([TopicPartition(POST_EVENTS.name, 0)])).popitem()[1]
        as_of = await StoreReader(database).watermark(0)
    finally:
        run_projector.cancel()
        await asyncio.wait({run_projector})
    assert as_of is not None
    # The time is taken before the end offsets: records written in between are not promised.
    assert as_of + timedelta(hours=1) in reader.looked_at
    assert reached >= reader.looks[0]


EARLIER, LATER = T0 + timedelta(hours=1), T0 + timedelta(hours=2)
NEWS = post(PostAvailable, 7, publish_id="p", video_ids=(VIDEO,))


class Busy(StoreReader):
    """StoreReader to a store into which news are written right after one of the questions."""

    def __init__(self, database: Database, moment: str) -> None:
        super().__init__(database)
        self._store = StoreWriter(database)
        self._moment = moment

    async def locate(self, tenant: str, post_id: str, account_id: str | None) -> list[PostLocator]:
        return await self._then_news("places", super().locate(tenant, post_id, account_id))

    async def watermark(self, partition: int) -> datetime | None:
        return await self._then_news("as_of", super().watermark(partition))

    async def post(self, place: PostLocator) -> PostRow | None:
        return await self._then_news("post", super().post(place))

    async def timeline(self, post: PostRow) -> list[TimelineEvent]:
        return await self._then_news("timeline", super().timeline(post))

    async def _then_news(self, moment: str, answer: Awaitable[T]) -> T:
        found = await answer
        if moment == self._moment:
            (news,) = records_of([NEWS])
            await self._store.write(upserts([news._replace(offset=1)]), {})
            await self._store.advance_watermark(0, to=LATER)
        return found


@pytest.mark.parametrize("moment", ["places", "as_of", "post", "timeline"])
async def test_answer_holds_all_up_to_its_watermark_during_writes(database: Database, moment: str) -> None:
    await StoreWriter(database).write(upserts(records_of([STORY[1]])), {})
    await StoreWriter(database).advance_watermark(0, to=EARLIER)
    api = ReadApi(reader=Busy(database, moment), clock=lambda: LATER)
    shown = await api.post("shop", "post-1")
    assert shown.freshness.as_of in {EARLIER, LATER}
    if shown.freshness.as_of == LATER:
        assert shown.state == "available"
        assert [event.type for event in shown.timeline] == ["post.accepted", "post.available"]
    assert (await api.post("shop", "post-1")).freshness.as_of == LATER
