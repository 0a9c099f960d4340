"""The projector's side of MongoDB: upserts, the position beside them, indexes. Every write may be repeated."""

import warnings
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from itertools import groupby

from bson.errors import BSONError
from pymongo import ASCENDING, AsyncMongoClient, UpdateMany, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, PyMongoError

from analytics_service.errors import StoreUnavailable, Unstorable
from analytics_service.read_side.documents import Collection, Document, Upsert, named_in_full
from common.errors import SettingsRefused
from common.streams import TopicPartition

WRITE_WITHIN = timedelta(seconds=10)
"""A batch that takes longer counts as not written, and is written again."""
READ_WITHIN = timedelta(seconds=2)
"""Somebody waits for a read: better an honest 503 soon than an answer late."""

RENAMED_TOGETHER = 200
"""Posts of an older release that are rewritten in one go: few enough for one answer from the store."""

CONTENT_FAULTS = frozenset({2, 9, 14, 22, 121, 10334, 17280, 17419})
"""MongoDB's codes for a write that fails the same way however often it is tried: BadValue, FailedToParse, TypeMismatch,
InvalidBSON, DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong, and a document that grew too large."""

Database = AsyncDatabase[Document]

INDEXES: Mapping[Collection, Sequence[Sequence[str]]] = {
    Collection.POSTS: (("tenant", "post_id"),),
    Collection.EVENTS: (("account_id", "post_id", "offset"),),
    Collection.METRICS: (("account_id", "post_id", "at"),),
}


@asynccontextmanager
async def open_database(url: str, name: str, *, answer_within: timedelta = WRITE_WITHIN) -> AsyncIterator[Database]:
    """Open a database without touching it: whether it can be reached shows at the first call.

    Raises:
        SettingsRefused: the address cannot be understood.
    """
    client = _client(url, answer_within)
    try:
        yield client[name]
    finally:
        await client.close()


def _client(url: str, answer_within: timedelta) -> AsyncMongoClient[Document]:
    milliseconds = int(answer_within.total_seconds() * 1000)
    try:
        with warnings.catch_warnings():
            # The driver only warns of an option it does not know, or whose value it drops: TLS might be off unseen.
            warnings.simplefilter("error", UserWarning)
            return AsyncMongoClient(url, tz_aware=True, timeoutMS=milliseconds)
    except (PyMongoError, ValueError, OSError, UserWarning) as error:
        # The driver's words quote the address, which may hold a password: neither they nor the cause are kept.
        raise SettingsRefused([_url_refused(type(error).__name__)]) from None


def _url_refused(fault: str) -> str:
    wanted = "mongodb://…, with user and password percent-encoded and only options it knows"
    return f"MONGODB_URL is not an address the driver takes ({fault}; its value is not shown): {wanted}"


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        Unstorable: what was given cannot be stored as it is.
        StoreUnavailable: the store did not do it, this time.
    """
    try:
        yield
    except BulkWriteError as error:
        codes = {fault["code"] for fault in error.details.get("writeErrors", ())}
        raise (Unstorable(error) if codes & CONTENT_FAULTS else StoreUnavailable(error)) from error
    except PyMongoError as error:
        raise StoreUnavailable(error) from error
    except (BSONError, OverflowError, UnicodeEncodeError) as error:
        raise Unstorable(error) from error


class Store:
    """What the projector writes. Each method raises `StoreUnavailable` and may then be called again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Create the indexes that are not there, and give posts of an older release the names of today."""
        with translated():
            for collection, indexes in INDEXES.items():
                for fields in indexes:
                    await self._database[collection].create_index([(field, ASCENDING) for field in fields])
            while older := await self._database[Collection.POSTS].find({"tenant": None}).to_list(RENAMED_TOGETHER):
                await self._rename(older)

    async def _rename(self, older: Sequence[Document]) -> None:
        """Rewrite posts whose names do not say whose they are, and their events."""
        posts: list[UpdateOne] = []
        events: list[UpdateMany] = []
        for document in older:
            if (full := named_in_full(document)) is not None:
                own = {"account_id": document["account_id"], "post_id": document["post_id"], "tenant": None}
                events.append(UpdateMany(own, {"$set": {"tenant": full.update["$set"]["tenant"]}}))
                posts.append(UpdateOne({"_id": full.id}, full.update, upsert=True))
        if posts:
            await self._database[Collection.EVENTS].bulk_write(events, ordered=False)
            await self._database[Collection.POSTS].bulk_write(posts, ordered=False)
        # Last, so that what a crash leaves undone is found again.
        await self._database[Collection.POSTS].delete_many({"_id": {"$in": [document["_id"] for document in older]}})

    async def positions(self, slices: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where to read on; 0 for what was never read."""
        names = {_name(slice_): slice_ for slice_ in slices}
        with translated():
            found = await self._database[Collection.POSITIONS].find({"_id": {"$in": list(names)}}).to_list()
        return dict.fromkeys(slices, 0) | {names[document["_id"]]: document["next"] for document in found}

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        """Write a batch and, once all of it is there, how far it reaches.

        Raises:
            Unstorable: one of the changes cannot be stored; some of the others may have been.
        """
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

    async def mark(self, partition: int, *, complete: datetime) -> None:
        """Note a moment up to which all there was of a partition is in the store."""
        update = {"$max": {"complete_at": complete}}
        with translated():
            await self._database[Collection.FRESHNESS].update_one({"_id": partition}, update, upsert=True)


def _name(slice_: TopicPartition) -> str:
    return f"{slice_.topic}/{slice_.partition}"
