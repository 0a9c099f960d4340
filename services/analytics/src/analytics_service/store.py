"""The projector's side of MongoDB: upserts, the position beside them, indexes. Every write may be repeated."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from itertools import groupby

from pymongo import ASCENDING, AsyncMongoClient, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from analytics_service.documents import Collection, Document, Upsert
from analytics_service.errors import StoreUnavailable
from common.streams.log import Slice

WRITE_WITHIN = timedelta(seconds=10)
"""A batch that takes longer counts as not written, and is written again."""
READ_WITHIN = timedelta(seconds=2)
"""Somebody waits for a read: better an honest 503 soon than an answer late."""

Database = AsyncDatabase[Document]

INDEXES: Mapping[Collection, Sequence[Sequence[str]]] = {
    Collection.POSTS: (("post_id",),),
    Collection.EVENTS: (("account_id", "post_id", "revision"),),
    Collection.METRICS: (("account_id", "post_id", "at"),),
}


@asynccontextmanager
async def open_database(url: str, name: str, *, answer_within: timedelta = WRITE_WITHIN) -> AsyncIterator[Database]:
    """Open a database without touching it: whether it can be reached shows at the first call."""
    milliseconds = int(answer_within.total_seconds() * 1000)
    client: AsyncMongoClient[Document] = AsyncMongoClient(url, tz_aware=True, timeoutMS=milliseconds)
    try:
        yield client[name]
    finally:
        await client.close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into `StoreUnavailable`."""
    try:
        yield
    except PyMongoError as error:
        raise StoreUnavailable(error) from error


class Store:
    """What the projector writes. Each method raises `StoreUnavailable` and may then be called again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Create the indexes that are not there."""
        with translated():
            for collection, indexes in INDEXES.items():
                for fields in indexes:
                    await self._database[collection].create_index([(field, ASCENDING) for field in fields])

    async def positions(self, slices: Sequence[Slice]) -> dict[Slice, int]:
        """Return where to read on; 0 for what was never read."""
        names = {_name(slice_): slice_ for slice_ in slices}
        with translated():
            found = await self._database[Collection.POSITIONS].find({"_id": {"$in": list(names)}}).to_list()
        return dict.fromkeys(slices, 0) | {names[document["_id"]]: document["next"] for document in found}

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[Slice, int]) -> None:
        """Write a batch and, once all of it is there, how far it reaches."""
        with translated():
            ordered = sorted(upserts, key=lambda upsert: upsert.collection)
            for collection, group in groupby(ordered, key=lambda upsert: upsert.collection):
                updates = [UpdateOne({"_id": upsert.id}, upsert.update, upsert=True) for upsert in group]
                await self._database[collection].bulk_write(updates, ordered=False)
            moves = [
                UpdateOne({"_id": _name(slice_)}, {"$max": {"next": offset}}, upsert=True)
                for slice_, offset in positions.items()
            ]
            if moves:
                await self._database[Collection.POSITIONS].bulk_write(moves, ordered=False)

    async def mark(self, partition: int, *, newest: datetime | None = None, complete: datetime | None = None) -> None:
        """Note the newest event that is in the store, and when all there was of a partition was in it."""
        if newest is None and complete is None:
            return
        moments = {"newest_event_at": newest, "complete_at": complete}
        update = {"$max": {name: at for name, at in moments.items() if at is not None}}
        with translated():
            await self._database[Collection.FRESHNESS].update_one({"_id": partition}, update, upsert=True)


def _name(slice_: Slice) -> str:
    return f"{slice_.topic}/{slice_.partition}"
