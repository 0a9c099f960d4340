"""What the store knows about a post, as the read API tells it. Reads only; raises `StoreUnavailable`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from analytics_service.documents import Collection, Document, PostState
from analytics_service.store import Database, translated
from common.events.post import PostProgressed

MOST_ACCOUNTS_NAMED = 20
LONGEST_TIMELINE = 1_000
"""A post has some ten events; one that is delayed again and again may have hundreds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFound:
    """A post as its newest events leave it. `state` is None while only samples of it are known."""

    account_id: str
    post_id: str
    partition: int
    first_at: datetime
    tenant: str | None
    state: PostState | None
    since: datetime | None
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
    """One video's totals at one moment."""

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

    async def posts(self, post_id: str, account_id: str | None) -> list[PostFound]:
        """Return the posts of this id: one for each account that used it."""
        query = {"post_id": post_id} | ({} if account_id is None else {"account_id": account_id})
        with translated():
            found = await self._database[Collection.POSTS].find(query).sort("_id").to_list(MOST_ACCOUNTS_NAMED)
        return [_post(document) for document in found]

    async def timeline(self, post: PostFound) -> list[Happened]:
        """Return a post's events in the order of their revisions, without the samples of its progress."""
        query = {**_of(post), "type": {"$ne": PostProgressed.ce_type}}
        order = [("revision", ASCENDING), ("at", ASCENDING), ("offset", ASCENDING)]
        with translated():
            found = await self._database[Collection.EVENTS].find(query).sort(order).to_list(LONGEST_TIMELINE)
        return [
            Happened(type=event["type"], at=event["at"], revision=event["revision"], details=event["details"])
            for event in found
        ]

    async def series(self, post: PostFound, *, since: datetime | None, limit: int) -> list[Counted]:
        """Return up to `limit` numbers collected at or after `since`, oldest first."""
        query: dict[str, Any] = dict(_of(post))
        if since is not None:
            query["at"] = {"$gte": since}
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
        """Return up to when the store knows everything about a partition; None before the projector got there."""
        with translated():
            found = await self._database[Collection.FRESHNESS].find_one({"_id": partition})
        moments = [] if found is None else [found.get("newest_event_at"), found.get("complete_at")]
        return max((moment for moment in moments if moment is not None), default=None)


def _of(post: PostFound) -> Document:
    return {"account_id": post.account_id, "post_id": post.post_id}


def _post(document: Document) -> PostFound:
    latest = document.get("latest", {})
    progress = document.get("progress", {})
    ids: Sequence[str] = document.get("available", {}).get("video_ids", ())
    return PostFound(
        account_id=document["account_id"],
        post_id=document["post_id"],
        partition=document["partition"],
        first_at=document["first_at"],
        tenant=latest.get("tenant"),
        state=PostState(latest["state"]) if latest else None,
        since=latest.get("at"),
        bytes_sent=progress.get("bytes_sent"),
        bytes_total=progress.get("bytes_total"),
        video_ids=tuple(ids),
    )


def _counted(document: Document) -> Counted:
    return Counted(
        video_id=document["video_id"],
        at=document["at"],
        age_seconds=document["age_seconds"],
        view_count=document["view_count"],
        like_count=document["like_count"],
        comment_count=document["comment_count"],
        share_count=document["share_count"],
        share_url=document["share_url"],
    )
