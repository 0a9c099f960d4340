"""The projector against a real store: replays, outages and unreadable records."""

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_service.errors import UnreadableRecord
from analytics_service.read_side.database import Database, open_database
from analytics_service.read_side.documents import STATE_BY_EVENT, Collection
from analytics_service.read_side.projector import Projection, project_owned
from analytics_service.read_side.store import StoreWriter
from builders.post_history import STORY, T0, VIDEO, memory, outgoing, post, records_of, upserts
from common.clock import system_clock
from common.contract.post import FailureReason, PostEvent, PostFailed, PostProgressed, PostRequestConflict
from common.contract.registry import BODIES
from common.streams import TopicPartition
from common.streams.log.memory import FixedMembership, MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from harness.projector import ENOUGH, QUICK, WatchedStore, all_documents, run_projector
from stack.mongo import MongoServer as Server


async def test_projector_writes_a_posts_whole_history(database: Database) -> None:
    records = records_of(STORY)
    store_watch = WatchedStore(database)
    async with run_projector(store_watch, MemoryLog(memory(records))):
        await store_watch.until_written(len(upserts(records)))
    found = await all_documents(database)
    (document,) = found["posts"]
    assert document["_id"] == "acc_1/shop/post-1"
    assert document["latest"]["state"] == "available"
    assert document["progress"]["bytes_sent"] == document["progress"]["bytes_total"] == 30
    assert document["available"]["video_ids"] == [VIDEO]
    assert document["started"] == {"offset": 0, "at": T0 + timedelta(seconds=1)}
    assert [event["type"] for event in found["events"] if event["post_id"]] == [
        body.ce_type for body in STORY if isinstance(body, PostEvent)
    ]
    assert [numbers["view_count"] for numbers in found["metrics"]] == [100, 200]
    assert [type(numbers["video_id"]) for numbers in found["metrics"]] == [str, str]
    assert found["accounts"][0]["latest"]["type"] == "account.connected"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.integers(0, len(STORY)), order=st.permutations(range(len(STORY))))
def test_replayed_and_reordered_events_change_nothing(mongodb_url: str, prefix: int, order: list[int]) -> None:
    records = records_of(STORY)

    async def run() -> None:
        async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
            store = StoreWriter(database)
            await store.write(upserts(records), {})
            expected = await all_documents(database)
            await store.write(upserts(records[:prefix]), {})
            assert await all_documents(database) == expected
            await database.client.drop_database(database)
            shuffled = upserts([records[index] for index in order])
            # Two owners at once, as while a partition moves.
            await asyncio.gather(store.write(shuffled, {}), store.write(upserts(records[:prefix]), {}))
            assert await all_documents(database) == expected
            await database.client.drop_database(database)

    asyncio.run(run())


async def test_projector_continues_where_it_stopped(database: Database) -> None:
    records = records_of(STORY)
    held = memory(records[:6])
    first = WatchedStore(database)
    async with run_projector(first, MemoryLog(held)):
        await first.until_written(len(upserts(records[:6])))
    for record in records[6:]:
        held.append(outgoing(record))
    second = WatchedStore(database)
    async with run_projector(second, MemoryLog(held)):
        await second.until_written(len(upserts(records[6:])))
    assert second.written == len(upserts(records[6:]))
    assert second.read_on == [
        {
            TopicPartition("post.events", 0): 5,
            TopicPartition("account.events", 0): 1,
            TopicPartition("metrics.events", 0): 0,
        }
    ]
    assert (await all_documents(database))["posts"][0]["latest"]["state"] == "available"


@pytest.mark.parametrize("faults", [1, 2, 3, 7])
async def test_projector_retries_a_failing_store_until_all_is_written(database: Database, faults: int) -> None:
    records = records_of(STORY)
    store_watch = WatchedStore(database, faults=faults)
    async with run_projector(store_watch, MemoryLog(memory(records))):
        await store_watch.until_written(len(upserts(records)))
    found = await all_documents(database)
    assert (len(found["posts"]), len(found["events"]), len(found["metrics"])) == (1, 9, 2)


async def test_projector_catches_up_after_a_store_outage(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    records = records_of(STORY)
    held = memory(records[:4])
    try:
        async with open_database(server.url, "postbus") as database:
            store_watch = WatchedStore(database)
            async with run_projector(store_watch, MemoryLog(held)):
                await store_watch.until_written(len(upserts(records[:4])))
                await asyncio.to_thread(server.stop)
                for record in records[4:]:
                    held.append(outgoing(record))
                await asyncio.to_thread(server.start)
                await store_watch.until_written(len(upserts(records)))
            assert (await all_documents(database))["posts"][0]["latest"]["state"] == "available"
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("value", [b"{", b"{}", None])
async def test_unreadable_record_stops_its_partition(database: Database, value: bytes | None) -> None:
    records = records_of(STORY)
    held = memory(records[:3])
    headers = [("ce_type", b"post.published")]
    held.append(
        OutgoingRecord(topic_partition=TopicPartition("post.events", 0), key=b"acc_1", value=value, headers=headers)
    )
    held.append(outgoing(records[6]))
    log = MemoryLog(held)
    owner = FixedMembership([0])
    projection = Projection(store=StoreWriter(database), clock=system_clock, pace=QUICK)
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(ENOUGH):
            await project_owned(projection, log, owner, asyncio.Event())
    assert raised.group_contains(UnreadableRecord, match="post.events/0 at 2")
    assert (await StoreWriter(database).positions([TopicPartition("post.events", 0)])) == {
        TopicPartition("post.events", 0): 2
    }
    assert (await all_documents(database))["posts"][0]["latest"]["state"] == "delayed"


class Moving:
    """A membership whose numbers the test changes."""

    session_seconds = 10.0

    def __init__(self) -> None:
        self.numbers: frozenset[int] = frozenset()
        self._bell = asyncio.Event()

    def own(self, *numbers: int) -> None:
        self.numbers = frozenset(numbers)
        self._bell.set()

    async def changed(self) -> None:
        await self._bell.wait()
        self._bell.clear()


async def test_projector_follows_assigned_and_revoked_partitions(database: Database) -> None:
    held = MemoryStore(partitions=2, clock=lambda: T0)
    store_watch, moving, stop = WatchedStore(database), Moving(), asyncio.Event()
    projection = Projection(store=store_watch, clock=system_clock, pace=QUICK)
    projecting = asyncio.create_task(project_owned(projection, MemoryLog(held), moving, stop))
    for partition in (0, 1):
        for record in records_of(STORY[:2], partition):
            held.append(outgoing(record))
    moving.own(0)
    await store_watch.until_written(3)
    moving.own(1)
    await store_watch.until_written(6)
    stop.set()
    async with asyncio.timeout(ENOUGH):
        await projecting
    assert (await database[Collection.POSTS].find_one({}))["partition"] in {0, 1}  # type: ignore[index]  # one is there
    assert await database[Collection.EVENTS].count_documents({}) == 4


def test_every_post_event_has_a_state() -> None:
    kinds = {body for body in BODIES if issubclass(body, PostEvent)}
    assert kinds - STATE_BY_EVENT.keys() == {PostProgressed, PostRequestConflict}


async def test_failed_post_is_stored_with_its_reason(database: Database) -> None:
    failed = post(PostFailed, 2, reason=FailureReason.SOURCE_FORBIDDEN, message="a private address", code="x")
    await StoreWriter(database).write(upserts(records_of([failed])), {})
    (document,) = (await all_documents(database))["posts"]
    assert document["latest"]["details"] == {
        "reason": "source_forbidden",
        "message": "a private address",
        "code": "x",
    }
