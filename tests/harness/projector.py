"""What the projector's tests share: a post's story as records, and a real store that can be watched."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from analytics_service.documents import Collection, Upsert, upserts_of
from analytics_service.errors import StoreUnavailable
from analytics_service.projector import Pace, Projection, project_partition
from analytics_service.store import Database, Store
from common.clock import system_clock
from common.contract.account import AccountConnected
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    DelayReason,
    PostAccepted,
    PostAvailable,
    PostDelayed,
    PostEvent,
    PostProgressed,
    PostPublished,
    PostRequestConflict,
    PostUploaded,
    PrivacyLevel,
)
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import Outgoing, Record, Slice

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
        self.reached: dict[Slice, int] = {}
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
            self.reached |= positions
            self._grown.notify_all()

    async def mark(self, partition: int, *, complete: datetime) -> None:
        await self._store.mark(partition, complete=complete)
        self.complete.set()

    async def until_written(self, upserts: int) -> None:
        async with asyncio.timeout(ENOUGH), self._grown:
            await self._grown.wait_for(lambda: self.written >= upserts)

    async def until_reached(self, positions: Mapping[Slice, int]) -> None:
        async with asyncio.timeout(ENOUGH), self._grown:
            await self._grown.wait_for(lambda: positions.items() <= self.reached.items())

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
