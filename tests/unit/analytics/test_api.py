"""The read API over a reader in memory. With MongoDB it is tested in `tests/integration`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from analytics_service.api import ReadApi, add_read_api
from analytics_service.api_models import MetricSample, TimelineEvent
from analytics_service.errors import StoreUnavailable
from analytics_service.read_side.cursors import Cursor
from analytics_service.read_side.documents import PostState
from analytics_service.read_side.queries import PostLocator, PostRow, StoreReader
from common.contract.tenant import Scope
from common.http.app import create_app
from fakes.api_keys import IssuedKeys

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
POST = PostRow(
    account_id="acc_1",
    post_id="post-1",
    first_offset=0,
    tenant="shop",
    state=PostState.AVAILABLE,
    since=NOW,
    bytes_sent=30,
    bytes_total=30,
    video_ids=("7", "8"),
)


def sample(minutes: int) -> MetricSample:
    return MetricSample(
        id=f"sample-{minutes}",
        share_url="https://x/7",
        video_id="7",
        at=NOW - timedelta(minutes=minutes),
        age_seconds=60,
        view_count=4,
        like_count=3,
        comment_count=2,
        share_count=1,
    )


@dataclass
class MemoryReader(StoreReader):
    """A reader of one tenant's post, which a test may change."""

    accounts: list[str] = field(default_factory=lambda: ["acc_1"])
    complete_until: datetime | None = NOW - timedelta(seconds=2)
    down: bool = False
    after: Cursor | None = None

    async def locate(self, tenant: str, post_id: str, account_id: str | None) -> list[PostLocator]:
        if self.down:
            raise StoreUnavailable(ConnectionError())
        known = self.accounts if (tenant, post_id) == ("shop", "post-1") else []
        return [
            PostLocator(tenant=tenant, account_id=name, post_id=post_id, partition=0)
            for name in known
            if account_id in {None, name}
        ]

    async def post(self, locator: PostLocator) -> PostRow | None:
        return POST if locator.account_id == "acc_1" else None

    async def timeline(self, post: PostRow) -> list[TimelineEvent]:
        return [TimelineEvent(type="post.accepted", at=post.since, revision=1, details={"caption": "hi"})]

    async def metrics(
        self, post: PostRow, *, since: datetime | None, after: Cursor | None, limit: int
    ) -> list[MetricSample]:
        self.after = after
        return [sample(9), sample(5), sample(1)][:limit]

    async def latest_metrics(self, post: PostRow) -> list[MetricSample]:
        return [sample(1)]

    async def watermark(self, partition: int) -> datetime | None:
        return self.complete_until


@dataclass
class Client:
    """A client of the read API, with a tenant's key."""

    reader: MemoryReader
    http: httpx.AsyncClient
    keys: IssuedKeys

    async def get(self, path: str, tenant: str = "shop", **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query, headers=self.keys.header(tenant, Scope.ANALYTICS_READ))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    keys, reader, app = IssuedKeys(), MemoryReader(), create_app(service="analytics", ready=dict)
    add_read_api(app, ReadApi(reader=reader, clock=lambda: NOW), keys.authentication())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        yield Client(reader, http, keys)


async def test_post_shows_state_videos_and_watermark(client: Client) -> None:
    shown = (await client.get("/v1/posts/post-1")).json()
    assert (shown["state"], shown["progress"]) == ("available", {"bytes_sent": 30, "bytes_total": 30})
    assert [event["type"] for event in shown["timeline"]] == ["post.accepted"]
    assert shown["freshness"] == {"as_of": "2026-05-01T11:59:58Z", "lag_seconds": 2.0}
    first, second = shown["videos"]
    assert (first["share_url"], first["latest"]["seconds_ago"]) == ("https://x/7", 60.0)
    assert second == {"video_id": "8", "share_url": None, "latest": None}


async def test_sample_shows_statistics_and_no_internal_fields(client: Client) -> None:
    (shown,) = (await client.get("/v1/posts/post-1/metrics", limit=1)).json()["metrics"]
    assert shown == {
        "video_id": "7",
        "at": "2026-05-01T11:51:00Z",
        "age_seconds": 60,
        "view_count": 4,
        "like_count": 3,
        "comment_count": 2,
        "share_count": 1,
    }


async def test_metrics_page_ends_with_cursor_until_the_last(client: Client) -> None:
    page = (await client.get("/v1/posts/post-1/metrics", limit=2)).json()
    assert len(page["metrics"]) == 2
    await client.get("/v1/posts/post-1/metrics", limit=2, after=page["next"])
    assert client.reader.after == Cursor(at=NOW - timedelta(minutes=5), id="sample-5")
    assert (await client.get("/v1/posts/post-1/metrics", limit=3)).json()["next"] is None


async def test_cursor_not_made_here_is_refused(client: Client) -> None:
    answer = await client.get("/v1/posts/post-1/metrics", after="made-up")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["query.after"]


async def test_unknown_post_and_other_tenants_post_answer_alike(client: Client) -> None:
    unknown = await client.get("/v1/posts/post-2")
    other = await client.get("/v1/posts/post-1", tenant="rival")
    assert (unknown.status_code, other.status_code) == (404, 404)
    assert unknown.text.replace("post-2", "post-1") == other.text


async def test_post_deleted_after_it_was_located_is_unknown(client: Client) -> None:
    client.reader.accounts = ["acc_2"]
    assert (await client.get("/v1/posts/post-1")).json()["code"] == "unknown_post"


async def test_ambiguous_post_names_its_accounts(client: Client) -> None:
    client.reader.accounts = ["acc_1", "acc_2"]
    answer = await client.get("/v1/posts/post-1")
    assert (answer.status_code, answer.json()["account_ids"]) == (409, ["acc_1", "acc_2"])
    assert (await client.get("/v1/posts/post-1", account_id="acc_1")).status_code == 200


async def test_store_that_is_down_answers_unavailable(client: Client) -> None:
    client.reader.down = True
    answer = await client.get("/v1/posts/post-1")
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")


async def test_freshness_is_null_before_the_projector_caught_up(client: Client) -> None:
    client.reader.complete_until = None
    assert (await client.get("/v1/posts/post-1")).json()["freshness"] == {"as_of": None, "lag_seconds": None}
