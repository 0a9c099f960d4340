"""A client of analytics' read API, as a dashboard would use it."""

from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
import msgspec


class TimelineEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a post's timeline."""

    type: str
    at: datetime
    details: dict[str, Any] = {}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes TikTok has, by the newest sample."""

    bytes_sent: int
    bytes_total: int


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post and its timeline; `state` is None before its first event is stored."""

    state: str | None = None
    progress: Progress | None = None
    timeline: tuple[TimelineEvent, ...] = ()


class MetricSample(msgspec.Struct, frozen=True, kw_only=True):
    """A video's totals at one age."""

    video_id: str
    at: datetime
    age_seconds: int
    view_count: int
    like_count: int
    comment_count: int
    share_count: int


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """A post's samples over time."""

    metrics: tuple[MetricSample, ...] = ()


AnswerT = TypeVar("AnswerT", Post, Metrics)


class ReadApi:
    """Reads one post. Every method may be repeated.

    An unknown post is an empty answer, not an error.
    """

    def __init__(self, web: httpx.AsyncClient, analytics_url: str, *, key: str, account_id: str, post_id: str) -> None:
        self._web = web
        self._url = f"{analytics_url}/v1/posts/{post_id}"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._account = {"account_id": account_id}

    async def post(self) -> Post:
        """Return the post; an empty one before its first event is stored."""
        return await self._get("", Post)

    async def metrics(self) -> tuple[MetricSample, ...]:
        """Return its samples, oldest first; none before the first is stored."""
        return (await self._get("/metrics", Metrics)).metrics

    async def _get(self, path: str, kind: type[AnswerT]) -> AnswerT:
        answer = await self._web.get(self._url + path, params=self._account, headers=self._headers)
        # The projector may not have stored the first event yet. That is not an error: ask again.
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return kind()
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=kind)
