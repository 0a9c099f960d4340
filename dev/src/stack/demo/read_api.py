"""The read API of analytics, as a dashboard would ask it."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
import msgspec


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a post's timeline."""

    type: str
    at: datetime
    details: dict[str, Any] = {}


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post and its timeline."""

    state: str | None = None
    timeline: tuple[Happened, ...] = ()


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """A video's totals at one age."""

    video_id: str
    at: datetime
    age_seconds: int
    view_count: int
    like_count: int
    comment_count: int
    share_count: int


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A post's numbers over time."""

    metrics: tuple[Numbers, ...] = ()


Known = TypeVar("Known", Post, Series)


class ReadApi:
    """Asks about one post."""

    def __init__(self, web: httpx.AsyncClient, analytics_url: str, *, key: str, account_id: str, post_id: str) -> None:
        self._web = web
        self._url = f"{analytics_url}/v1/posts/{post_id}"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._account = {"account_id": account_id}

    async def post(self) -> Post:
        """Return the post; an empty one where nothing is known yet."""
        return await self._get("", Post)

    async def numbers(self) -> tuple[Numbers, ...]:
        """Return its numbers, oldest first; none where nothing is known yet."""
        return (await self._get("/metrics", Series)).metrics

    async def _get(self, path: str, kind: type[Known]) -> Known:
        answer = await self._web.get(self._url + path, params=self._account, headers=self._headers)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return kind()
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=kind)
