"""The client of the read API: an unknown post is an empty answer, an error is an error."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stack.demo.read_api import Post, ReadApi

SAMPLE = {
    "video_id": "7",
    "at": "2026-01-01T00:00:00Z",
    "age_seconds": 4,
    "view_count": 1,
    "like_count": 2,
    "comment_count": 3,
    "share_count": 4,
}


class Analytics:
    """The read API with one prepared answer."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: dict[str, Any] = {}
        self.request: tuple[str, str, str] = ("", "", "")

    async def handle(self, request: Request) -> Response:
        self.request = (request.url.path, request.query_params["account_id"], request.headers["authorization"])
        return JSONResponse(self.answer, status_code=self.status)


@pytest.fixture
def analytics() -> Analytics:
    return Analytics()


@pytest.fixture
async def api(analytics: Analytics) -> AsyncIterator[ReadApi]:
    app = Starlette(routes=[Route("/{path:path}", analytics.handle)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False) as web:
        yield ReadApi(web, "http://analytics.test", key="pb_of_acme", account_id="acc_7", post_id="spring-1")


async def test_post_is_read_with_its_timeline(analytics: Analytics, api: ReadApi) -> None:
    analytics.answer = {"state": "accepted", "timeline": [{"type": "post.accepted", "at": SAMPLE["at"]}], "videos": []}
    post = await api.post()
    assert (post.state, [event.type for event in post.timeline]) == ("accepted", ["post.accepted"])
    assert analytics.request == ("/v1/posts/spring-1", "acc_7", "Bearer pb_of_acme")


async def test_metrics_are_read_oldest_first(analytics: Analytics, api: ReadApi) -> None:
    analytics.answer = {"metrics": [SAMPLE, {**SAMPLE, "age_seconds": 8}]}
    assert [sample.age_seconds for sample in await api.metrics()] == [4, 8]


async def test_unknown_post_is_an_empty_answer(analytics: Analytics, api: ReadApi) -> None:
    analytics.status = 404
    assert await api.post() == Post()
    assert await api.metrics() == ()


async def test_refused_key_is_an_error(analytics: Analytics, api: ReadApi) -> None:
    analytics.status = 401
    with pytest.raises(httpx.HTTPStatusError):
        await api.post()
