"""Writes the read side: documents, the projector's position beside them, watermarks, indexes.

Only the projector writes. The edge reads by `queries`. Every write may be repeated.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

from pymongo import ASCENDING, UpdateOne

from analytics_service.read_side.database import Database, translated_errors
from analytics_service.read_side.documents import Collection, Upsert
from common.streams import TopicPartition

Index = Sequence[tuple[str, int]]
"""Fields with pymongo's `ASCENDING` or `DESCENDING`, in the order in which a query narrows and sorts by them."""

INDEXES: Mapping[Collection, Sequence[Index]] = {
    Collection.POSTS: ((("tenant", ASCENDING), ("post_id", ASCENDING)),),
    Collection.EVENTS: ((("account_id", ASCENDING), ("post_id", ASCENDING), ("offset", ASCENDING)),),
    Collection.METRICS: ((("account_id", ASCENDING), ("post_id", ASCENDING), ("at", ASCENDING)),),
}
"""The indexes of the queries.

The projector creates them when it starts (`StoreWriter.prepare`), because only it writes. A new index therefore needs
the projector deployed before the edge. Removing one from here does not drop it in MongoDB.
"""


class StoreWriter:
    """The projector's side of MongoDB. Each method raises `StoreUnavailable` and may then be called again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self) -> None:
        """Create the indexes that do not exist yet."""
        with translated_errors():
            for collection, indexes in INDEXES.items():
                for index in indexes:
                    await self._database[collection].create_index(index)

    async def positions(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the next offset to read of each partition; 0 if it was never read."""
        ids = {_position_id(partition): partition for partition in partitions}
        with translated_errors():
            found = await self._database[Collection.POSITIONS].find({"_id": {"$in": list(ids)}}).to_list()
        return dict.fromkeys(partitions, 0) | {ids[document["_id"]]: document["next"] for document in found}

    async def write(self, upserts: Sequence[Upsert], positions: Mapping[TopicPartition, int]) -> None:
        """Write a batch and then the positions behind it.

        The order matters: after a crash in between, the batch is read and written again instead of being lost.

        Raises:
            Unstorable: MongoDB cannot hold one of the changes. Some of the others may be written.
        """
        with translated_errors():
            ordered = sorted(upserts, key=lambda upsert: upsert.collection)
            for collection, group in groupby(ordered, key=lambda upsert: upsert.collection):
                updates = [UpdateOne({"_id": upsert.id}, upsert.update, upsert=True) for upsert in group]
                # Unordered: the updates do not depend on each other, and one that fails does not stop the rest.
                await self._database[collection].bulk_write(updates, ordered=False)
            # `$max`: a projector that has lost the partition may still write, and must not move the position back.
            advances = [
                UpdateOne({"_id": _position_id(partition)}, {"$max": {"next": offset}}, upsert=True)
                for partition, offset in positions.items()
            ]
            if advances:
                await self._database[Collection.POSITIONS].bulk_write(advances, ordered=False)

    async def advance_watermark(self, partition: int, *, to: datetime) -> None:
        """Store a moment up to which everything of a partition is in the store. It never goes back."""
        update = {"$max": {"watermark": to}}
        with translated_errors():
            await self._database[Collection.WATERMARKS].update_one({"_id": partition}, update, upsert=True)


def _position_id(partition: TopicPartition) -> str:
    return f"{partition.topic}/{partition.partition}"
