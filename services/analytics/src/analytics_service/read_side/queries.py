"""Reads the read side for the API. Never writes: the projector does, by `store`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from analytics_service.api_models import MetricSample, TimelineEvent
from analytics_service.read_side.cursors import Cursor
from analytics_service.read_side.database import Database, translated_errors
from analytics_service.read_side.documents import Collection, Document, PostState, clamp_to_utc, post_document_id
from common.contract.post import PostProgressed

MAX_ACCOUNTS = 20
"""Most accounts that are named when a post id is ambiguous."""
MAX_TIMELINE = 1_000
"""Most events of a timeline. A post has about ten; one that is delayed often may have hundreds."""
_HAS_STATE = {"latest": {"$exists": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLocator:
    """What identifies a post, and the partition whose watermark holds for it."""

    tenant: str
    account_id: str
    post_id: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostRow:
    """A post as its newest events leave it.

    `first_offset` is the offset of its first event. Events before it belong to an older post with the same id.
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


class StoreReader:
    """The edge's side of MongoDB. Each method raises `StoreUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ping(self) -> None:
        """Return if MongoDB answers."""
        with translated_errors():
            await self._database.command("ping")

    async def locate(self, tenant: str, post_id: str, account_id: str | None) -> list[PostLocator]:
        """Return the tenant's posts with this id: one for each account that used it.

        A post of which only progress samples have arrived is left out, because they do not tell its state.
        """
        query: dict[str, Any] = {"post_id": post_id, "tenant": tenant, **_HAS_STATE}
        if account_id is not None:
            query["account_id"] = account_id
        with translated_errors():
            found = await self._database[Collection.POSTS].find(query).sort("_id").to_list(MAX_ACCOUNTS)
        return [
            PostLocator(
                tenant=tenant,
                account_id=document["account_id"],
                post_id=document["post_id"],
                partition=document["partition"],
            )
            for document in found
        ]

    async def post(self, locator: PostLocator) -> PostRow | None:
        """Return the post, or None if it was deleted since it was located."""
        query = {"_id": post_document_id(locator.account_id, locator.tenant, locator.post_id), **_HAS_STATE}
        with translated_errors():
            found = await self._database[Collection.POSTS].find_one(query)
        return None if found is None else _post(found)

    async def timeline(self, post: PostRow) -> list[TimelineEvent]:
        """Return a post's events in the order they were written, without the samples of its progress."""
        own = {"offset": {"$gte": post.first_offset}, "type": {"$ne": PostProgressed.ce_type}}
        query = {**_of(post), **own}
        with translated_errors():
            found = await self._database[Collection.EVENTS].find(query).sort("offset").to_list(MAX_TIMELINE)
        return [
            TimelineEvent(type=event["type"], at=event["at"], revision=event["revision"], details=event["details"])
            for event in found
        ]

    async def metrics(
        self, post: PostRow, *, since: datetime | None, after: Cursor | None, limit: int
    ) -> list[MetricSample]:
        """Return up to `limit` samples that were collected at or after `since` and follow `after`, oldest first."""
        # Only this post's videos: an older post with the same id may have left samples.
        query: dict[str, Any] = {**_of(post), "video_id": {"$in": list(post.video_ids)}}
        if since is not None:
            query["at"] = {"$gte": clamp_to_utc(since)}
        if after is not None:
            query["$or"] = [{"at": {"$gt": after.at}}, {"at": after.at, "_id": {"$gt": after.id}}]
        order = [("at", ASCENDING), ("_id", ASCENDING)]
        with translated_errors():
            found = await self._database[Collection.METRICS].find(query).sort(order).to_list(limit)
        return [_sample(document) for document in found]

    async def latest_metrics(self, post: PostRow) -> list[MetricSample]:
        """Return the newest sample of each of a post's videos."""
        newest: list[MetricSample] = []
        # One query each, so that MongoDB stops at the newest sample. A post rarely has more than one video.
        for video_id in post.video_ids:
            with translated_errors():
                found = await self._database[Collection.METRICS].find_one(
                    {**_of(post), "video_id": video_id}, sort=[("at", DESCENDING)]
                )
            if found is not None:
                newest.append(_sample(found))
        return newest

    async def watermark(self, partition: int) -> datetime | None:
        """Return the moment up to which the store holds everything of a partition, or None if there is none yet.

        Read it before the rest of an answer. Everything read after it can only be newer, so the promise holds.
        """
        with translated_errors():
            found = await self._database[Collection.WATERMARKS].find_one({"_id": partition})
        return None if found is None else found.get("watermark")


def _of(post: PostRow) -> Document:
    return {"account_id": post.account_id, "post_id": post.post_id, "tenant": post.tenant}


def _post(document: Document) -> PostRow:
    first_offset: int = document.get("started", {}).get("offset", 0)
    latest: Document = document["latest"]
    progress = _part(document, "progress", first_offset)
    ids: Sequence[str] = _part(document, "available", first_offset).get("video_ids", ())
    return PostRow(
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
    """Return a part of a post's document.

    It is empty if it belongs to an older post with the same id.
    """
    part: Document = document.get(name, {})
    return part if part.get("offset", -1) >= first_offset else {}


def _sample(document: Document) -> MetricSample:
    return MetricSample(
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
