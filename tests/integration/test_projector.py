"""The projector against a real store: replays, outages and unreadable records."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics_service.documents import STATES, Collection, Upsert, upserts_of
from analytics_service.errors import StoreUnavailable, UnreadableRecord
from analytics_service.projector import Pace, Projection, project_owned, project_partition
from analytics_service.store import Database, Store, open_database
from common.events.account import AccountConnected
from common.events.body import Body
from common.events.codec import BODIES, Envelope, encode
from common.events.metrics import MetricsCollected
from common.events.post import (
    DelayReason,
    FailureReason,
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostEvent,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostUploaded,
    PrivacyLevel,
)
from common.instants import system_clock
from common.streams.log import Outgoing, Record, Slice
from common.streams.membership import FixedMembership
from common.streams.memory import MemoryLog, MemoryStore
from stack.store import Store as Server

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
T0_MS = int(T0.timestamp() * 1000)
VIDEO = "7512345678901234567"
QUICK = Pace(
    first_retry=timedelta(milliseconds=1), longest_retry=timedelta(milliseconds=20), mark_every=timedelta(0, 0, 20_000)
)
ENOUGH = 30.0


def post(kind: type[PostEvent], revision: int, **fields: Any) -> Body:
    common: dict[str, Any] = {"account_id": "acc_1", "post_id": "post-1", "tenant": "shop", "revision": revision}
    return kind(**common, at=T0 + timedelta(seconds=revision), **fields)


PUBLIC = PrivacyLevel.PUBLIC_TO_EVERYONE
STORY: tuple[Body, ...] = (
    AccountConnected(account_id="acc_1", tenant="shop", open_id="o", scopes=("video.list",), at=T0),
    post(PostAccepted, 1, source_url="https://x/v.mp4", privacy_level=PUBLIC, caption="hello"),
    post(PostDelayed, 2, reason=DelayReason.RATE_LIMIT, message="one minute"),
    post(PostProgressed, 2, bytes_sent=10, bytes_total=30),
    post(PostProgressed, 2, bytes_sent=20, bytes_total=30),
    post(PostUploaded, 3, publish_id="p", attempt=1, bytes_total=30, privacy_level=PUBLIC, request_digest="d"),
    post(PostPublished, 4, publish_id="p"),
    post(PostAvailable, 5, publish_id="p", video_ids=(VIDEO,)),
    post(PostRequestConflict, 6, message="other content"),
    *(
        MetricsCollected(
            account_id="acc_1",
            post_id="post-1",
            tenant="shop",
            video_id=VIDEO,
            at=T0 + timedelta(seconds=60 * n),
            age_seconds=60 * n,
            view_count=100 * n,
            like_count=n,
            comment_count=0,
            share_count=0,
        )
        for n in (1, 2)
    ),
)


def records_of(bodies: Sequence[Body], partition: int = 0) -> list[Record]:
    offsets: dict[str, int] = {}
    records = []
    for body in bodies:
        value, headers = encode(Envelope(id="i", source="test", time=T0, traceparent=None, body=body))
        offset = offsets.get(body.topic.name, 0)
        offsets[body.topic.name] = offset + 1
        records.append(
            Record(
                slice=Slice(body.topic.name, partition),
                offset=offset,
                key=b"acc_1",
                value=value,
                headers=headers,
                time_ms=T0_MS,
            )
        )
    return records


def outgoing(record: Record) -> Outgoing:
    return Outgoing(slice=record.slice, key=record.key, value=record.value, headers=record.headers)


def upserts(records: Sequence[Record]) -> list[Upsert]:
    return [upsert for record in records for upsert in upserts_of(record)]


async def everything(database: Database) -> dict[str, list[Mapping[str, Any]]]:
    names = (Collection.POSTS, Collection.ACCOUNTS, Collection.EVENTS, Collection.METRICS)
    return {name: await database[name].find().sort("_id").to_list() for name in names}


class Watched:
    """The real store, with word of each write, and faults on demand."""

    def __init__(self, database: Database, *, faults: int = 0) -> None:
        self._store = Store(database)
        self.faults = faults
        self.read_on: list[dict[Slice, int]] = []
        self.written = 0
        self.complete = asyncio.Event()
        self._grown = asyncio.Condition()

    async def prepare(self) -> None:
        self._maybe_fail()
        await self._store.prepare()

    async def positions(self, slices: Sequence[Slice]) -> dict[Slice, int]:
        self._maybe_fail()
        self.read_on.append(await self._store.positions(slices))
        return self.read_on[-1]

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[Slice, int]) -> None:
        self._maybe_fail()
        await self._store.write(upserts, positions)
        # The answer may be lost after the work is done: what follows has to bear the same batch again.
        self._maybe_fail()
        async with self._grown:
            self.written += len(upserts)
            self._grown.notify_all()

    async def mark(self, partition: int, *, newest: datetime | None = None, complete: datetime | None = None) -> None:
        await self._store.mark(partition, newest=newest, complete=complete)
        if complete is not None:
            self.complete.set()

    async def until_written(self, upserts: int) -> None:
        async with asyncio.timeout(ENOUGH), self._grown:
            await self._grown.wait_for(lambda: self.written >= upserts)

    def _maybe_fail(self) -> None:
        if self.faults > 0:
            self.faults -= 1
            raise StoreUnavailable(ConnectionError())


@asynccontextmanager
async def projecting(watched: Watched, log: MemoryLog) -> AsyncIterator[asyncio.Task[None]]:
    async def project() -> None:
        await project_partition(Projection(store=watched, clock=system_clock, pace=QUICK), await log.reader(), 0)

    task = asyncio.create_task(project())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


def memory(records: Sequence[Record]) -> MemoryStore:
    store = MemoryStore(partitions=1, clock=lambda: T0)
    for record in records:
        store.append(outgoing(record))
    return store


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
        await Store(database).prepare()
        yield database


async def test_a_posts_whole_story_arrives(database: Database) -> None:
    records = records_of(STORY)
    watched = Watched(database)
    async with projecting(watched, MemoryLog(memory(records))):
        await watched.until_written(len(upserts(records)))
    found = await everything(database)
    (document,) = found["posts"]
    assert document["_id"] == "acc_1/post-1"
    assert document["latest"]["state"] == "available"
    assert document["progress"]["bytes_sent"] == document["progress"]["bytes_total"] == 30
    assert document["available"]["video_ids"] == [VIDEO]
    assert document["first_at"] == T0 + timedelta(seconds=1)
    assert [event["type"] for event in found["events"] if event["post_id"]] == [
        body.ce_type for body in STORY if isinstance(body, PostEvent)
    ]
    assert [numbers["view_count"] for numbers in found["metrics"]] == [100, 200]
    assert [type(numbers["video_id"]) for numbers in found["metrics"]] == [str, str]
    assert found["accounts"][0]["latest"]["type"] == "account.connected"


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefix=st.integers(0, len(STORY)), order=st.permutations(range(len(STORY))))
def test_replays_and_reordering_change_nothing(mongodb_url: str, prefix: int, order: list[int]) -> None:
    records = records_of(STORY)

    async def run() -> None:
        async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
            store = Store(database)
            await store.write(upserts(records), {})
            expected = await everything(database)
            await store.write(upserts(records[:prefix]), {})
            assert await everything(database) == expected
            await database.client.drop_database(database)
            shuffled = upserts([records[index] for index in order])
            # Two owners at once, as while a partition moves.
            await asyncio.gather(store.write(shuffled, {}), store.write(upserts(records[:prefix]), {}))
            assert await everything(database) == expected
            await database.client.drop_database(database)

    asyncio.run(run())


async def test_it_reads_on_where_it_stopped(database: Database) -> None:
    records = records_of(STORY)
    held = memory(records[:6])
    first = Watched(database)
    async with projecting(first, MemoryLog(held)):
        await first.until_written(len(upserts(records[:6])))
    for record in records[6:]:
        held.append(outgoing(record))
    second = Watched(database)
    async with projecting(second, MemoryLog(held)):
        await second.until_written(len(upserts(records[6:])))
    assert second.written == len(upserts(records[6:]))
    assert second.read_on == [
        {Slice("post.events", 0): 5, Slice("account.events", 0): 1, Slice("metrics.events", 0): 0}
    ]
    assert (await everything(database))["posts"][0]["latest"]["state"] == "available"


@pytest.mark.parametrize("faults", [1, 2, 3, 7])
async def test_a_store_that_fails_is_asked_again_until_it_has_everything(database: Database, faults: int) -> None:
    records = records_of(STORY)
    watched = Watched(database, faults=faults)
    async with projecting(watched, MemoryLog(memory(records))):
        await watched.until_written(len(upserts(records)))
    found = await everything(database)
    assert (len(found["posts"]), len(found["events"]), len(found["metrics"])) == (1, 9, 2)


async def test_it_catches_up_after_the_store_was_down(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start()
    records = records_of(STORY)
    held = memory(records[:4])
    try:
        async with open_database(server.url, "postbus") as database:
            watched = Watched(database)
            async with projecting(watched, MemoryLog(held)):
                await watched.until_written(len(upserts(records[:4])))
                await asyncio.to_thread(server.stop)
                for record in records[4:]:
                    held.append(outgoing(record))
                await asyncio.to_thread(server.start)
                await watched.until_written(len(upserts(records)))
            assert (await everything(database))["posts"][0]["latest"]["state"] == "available"
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("value", [b"{", b"{}", None])
async def test_an_unreadable_record_stops_its_partition(database: Database, value: bytes | None) -> None:
    records = records_of(STORY)
    held = memory(records[:3])
    headers = [("ce_type", b"post.published")]
    held.append(Outgoing(slice=Slice("post.events", 0), key=b"acc_1", value=value, headers=headers))
    held.append(outgoing(records[6]))
    log = MemoryLog(held)
    owner = FixedMembership([0])
    projection = Projection(store=Store(database), clock=system_clock, pace=QUICK)
    with pytest.raises(ExceptionGroup) as raised:
        async with asyncio.timeout(ENOUGH):
            await project_owned(projection, log, owner, asyncio.Event())
    assert raised.group_contains(UnreadableRecord, match="post.events/0 at 2")
    assert (await Store(database).positions([Slice("post.events", 0)])) == {Slice("post.events", 0): 2}
    assert (await everything(database))["posts"][0]["latest"]["state"] == "delayed"


async def test_a_quiet_partition_is_known_to_be_complete(database: Database) -> None:
    watched = Watched(database)
    started = system_clock() - timedelta(milliseconds=1)
    async with projecting(watched, MemoryLog(memory(()))):
        async with asyncio.timeout(ENOUGH):
            await watched.complete.wait()
    found = await database[Collection.FRESHNESS].find_one({"_id": 0})
    assert found is not None
    assert started <= found["complete_at"] <= system_clock()


class Moving:
    """A membership whose numbers the test changes."""

    def __init__(self) -> None:
        self.numbers: frozenset[int] = frozenset()
        self._bell = asyncio.Event()

    def own(self, *numbers: int) -> None:
        self.numbers = frozenset(numbers)
        self._bell.set()

    async def changed(self) -> None:
        await self._bell.wait()
        self._bell.clear()


async def test_partitions_come_and_go(database: Database) -> None:
    held = MemoryStore(partitions=2, clock=lambda: T0)
    watched, moving, stop = Watched(database), Moving(), asyncio.Event()
    projection = Projection(store=watched, clock=system_clock, pace=QUICK)
    projecting = asyncio.create_task(project_owned(projection, MemoryLog(held), moving, stop))
    for partition in (0, 1):
        for record in records_of(STORY[:2], partition):
            held.append(outgoing(record))
    moving.own(0)
    await watched.until_written(3)
    moving.own(1)
    await watched.until_written(6)
    stop.set()
    async with asyncio.timeout(ENOUGH):
        await projecting
    assert (await database[Collection.POSTS].find_one({}))["partition"] in {0, 1}  # type: ignore[index]  # one is there
    assert await database[Collection.EVENTS].count_documents({}) == 4


def test_every_event_about_a_post_says_what_it_means_for_its_state() -> None:
    kinds = {body for body in BODIES if issubclass(body, PostEvent)}
    assert kinds - STATES.keys() == {PostProgressed, PostRequestConflict}


async def test_a_failed_post_tells_why(database: Database) -> None:
    failed = post(PostFailed, 2, reason=FailureReason.SOURCE_FORBIDDEN, message="a private address", code="x")
    await Store(database).write(upserts(records_of([failed])), {})
    (document,) = (await everything(database))["posts"]
    assert document["latest"]["details"] == {
        "reason": "source_forbidden",
        "message": "a private address",
        "code": "x",
    }
