"""What the store knows about a post, as the read API tells it. Reads only; raises `StoreUnavailable`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from analytics_service.read_side.cursors import Cursor
from analytics_service.read_side.documents import Collection, Document, PostState, post_name, storable
from analytics_service.read_side.store import Database, translated
from common.contract.post import PostProgressed

MOST_ACCOUNTS_NAMED = 20
LONGEST_TIMELINE = 1_000
"""A post has some ten events; one that is delayed again and again may have hundreds."""
_BEGUN = {"latest": {"$exists": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a post is: its tenant and account, and the partition that tells how fresh its data is."""

    tenant: str
    account_id: str
    post_id: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFound:
    """A post as its newest events leave it.

    `first_offset` is where it began; what lies before is of an older post with the same id.
    """

    account_id: str
    post_id: str
    first_offset: int
    tenant: str
    state: PostState
    since: datetime
    bytes_sent: int | None
    bytes_total: int | None
    video_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event of a post's timeline."""

    type: str
    at: datetime
    revision: int
    details: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One video's totals at one moment. `id` is its name in the store."""

    id: str
    video_id: str
    at: datetime
    age_seconds: int
    view_count: int
    like_count: int
    comment_count: int
    share_count: int
    share_url: str


class Queries:
    """Questions to the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> None:
        """Find out whether the store answers."""
        with translated():
            await self._database.command("ping")

    async def places(self, tenant: str, post_id: str, account_id: str | None) -> list[Place]:
        """Return where the tenant's posts of this id are: one for each account that used it.

        A post of which only samples are known is none yet: samples do not say where it stands.
        """
        query: dict[str, Any] = {"post_id": post_id, "tenant": tenant, **_BEGUN}
        if account_id is not None:
            query["account_id"] = account_id
        with translated():
            found = await self._database[Collection.POSTS].find(query).sort("_id").to_list(MOST_ACCOUNTS_NAMED)
        return [
            Place(
                tenant=tenant,
                account_id=document["account_id"],
                post_id=document["post_id"],
                partition=document["partition"],
            )
            for document in found
        ]

    async def post(self, place: Place) -> PostFound | None:
        """Return the post as it stands; None if it was deleted meanwhile."""
        query = {"_id": post_name(place.account_id, place.tenant, place.post_id), **_BEGUN}
        with translated():
            found = await self._database[Collection.POSTS].find_one(query)
        return None if found is None else _post(found)

    async def timeline(self, post: PostFound) -> list[Happened]:
        """Return a post's events in the order they were written, without the samples of its progress."""
        own = {"offset": {"$gte": post.first_offset}, "type": {"$ne": PostProgressed.ce_type}}
        query = {**_of(post), **own}
        with translated():
            found = await self._database[Collection.EVENTS].find(query).sort("offset").to_list(LONGEST_TIMELINE)
        return [
            Happened(type=event["type"], at=event["at"], revision=event["revision"], details=event["details"])
            for event in found
        ]

    async def series(
        self, post: PostFound, *, since: datetime | None, after: Cursor | None, limit: int
    ) -> list[Counted]:
        """Return up to `limit` numbers collected at or after `since` and beyond `after`, oldest first."""
        query: dict[str, Any] = {**_of(post), "video_id": {"$in": list(post.video_ids)}}
        if since is not None:
            query["at"] = {"$gte": storable(since)}
        if after is not None:
            query["$or"] = [{"at": {"$gt": after.at}}, {"at": after.at, "_id": {"$gt": after.id}}]
        order = [("at", ASCENDING), ("_id", ASCENDING)]
        with translated():
            found = await self._database[Collection.METRICS].find(query).sort(order).to_list(limit)
        return [_counted(document) for document in found]

    async def latest(self, post: PostFound) -> list[Counted]:
        """Return the newest numbers of each of a post's videos."""
        newest: list[Counted] = []
        for video_id in post.video_ids:
            with translated():
                found = await self._database[Collection.METRICS].find_one(
                    {**_of(post), "video_id": video_id}, sort=[("at", DESCENDING)]
                )
            if found is not None:
                newest.append(_counted(found))
        return newest

    async def as_of(self, partition: int) -> datetime | None:
        """Return up to when the store knows everything about a partition; None before the projector got there.

        Ask before anything else of an answer: what is read later can only be newer.
        """
        with translated():
            found = await self._database[Collection.FRESHNESS].find_one({"_id": partition})
        return None if found is None else found.get("complete_at")


def _of(post: PostFound) -> Document:
    return {"account_id": post.account_id, "post_id": post.post_id, "tenant": post.tenant}


def _post(document: Document) -> PostFound:
    first_offset: int = document.get("started", {}).get("offset", 0)
    latest: Document = document["latest"]
    progress = _part(document, "progress", first_offset)
    ids: Sequence[str] = _part(document, "available", first_offset).get("video_ids", ())
    return PostFound(
        account_id=document["account_id"],
        post_id=document["post_id"],
        first_offset=first_offset,
        tenant=document["tenant"],
        state=PostState(latest["state"]),
        since=latest["at"],
        bytes_sent=progress.get("bytes_sent"),
        bytes_total=progress.get("bytes_total"),
        video_ids=tuple(ids),
    )


def _part(document: Document, name: str, first_offset: int) -> Document:
    part: Document = document.get(name, {})
    return part if part.get("offset", -1) >= first_offset else {}


def _counted(document: Document) -> Counted:
    return Counted(
        id=document["_id"],
        video_id=document["video_id"],
        at=document["at"],
        age_seconds=document["age_seconds"],
        view_count=document["view_count"],
        like_count=document["like_count"],
        comment_count=document["comment_count"],
        share_count=document["share_count"],
        share_url=document["share_url"],
    )
