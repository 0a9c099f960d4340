"""Run the projector over a log in memory and a real store, whose writes a test can wait for."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from analytics_service.errors import StoreUnavailable
from analytics_service.read_side.database import Database
from analytics_service.read_side.documents import Collection, Upsert
from analytics_service.read_side.projector import Pace, Projection, project_partition
from analytics_service.read_side.store import StoreWriter
from common.clock import system_clock
from common.streams import TopicPartition
from common.streams.log.memory import MemoryLog

QUICK = Pace(
    first_retry=timedelta(milliseconds=1),
    longest_retry=timedelta(milliseconds=20),
    watermark_every=timedelta(0, 0, 20_000),
)
ENOUGH = 30.0


async def all_documents(database: Database) -> dict[str, list[Mapping[str, Any]]]:
    names = (Collection.POSTS, Collection.ACCOUNTS, Collection.EVENTS, Collection.METRICS)
    return {name: await database[name].find().sort("_id").to_list() for name in names}


class WatchedStore:
    """The real store, with word of each write, and faults on demand."""

    def __init__(self, database: Database, *, faults: int = 0) -> None:
        self._store = StoreWriter(database)
        self.faults = faults
        self.read_on: list[dict[TopicPartition, int]] = []
        self.written = 0
        self.reached: dict[TopicPartition, int] = {}
        self.complete = asyncio.Event()
        self._grown = asyncio.Condition()

    async def prepare(self) -> None:
        self._maybe_fail()
        await self._store.prepare()

    async def positions(self, slices: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        self._maybe_fail()
        self.read_on.append(await self._store.positions(slices))
        return self.read_on[-1]

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        self._maybe_fail()
        await self._store.write(upserts, positions)
        # The answer may be lost after the work is done: what follows has to bear the same batch again.
        self._maybe_fail()
        async with self._grown:
            self.written += len(upserts)
            self.reached |= positions
            self._grown.notify_all()

    async def advance_watermark(self, partition: int, *, to: datetime) -> None:
        await self._store.advance_watermark(partition, to=to)
        self.complete.set()

    async def until_written(self, upserts: int) -> None:
        async with asyncio.timeout(ENOUGH), self._grown:
            await self._grown.wait_for(lambda: self.written >= upserts)

    async def until_reached(self, positions: Mapping[TopicPartition, int]) -> None:
        async with asyncio.timeout(ENOUGH), self._grown:
            await self._grown.wait_for(lambda: positions.items() <= self.reached.items())

    def _maybe_fail(self) -> None:
        if self.faults > 0:
            self.faults -= 1
            raise StoreUnavailable(ConnectionError())


@asynccontextmanager
async def run_projector(store_watch: WatchedStore, log: MemoryLog) -> AsyncIterator[asyncio.Task[None]]:
    async def project() -> None:
        await project_partition(Projection(store=store_watch, clock=system_clock, pace=QUICK), await log.reader(), 0)

    task = asyncio.create_task(project())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
