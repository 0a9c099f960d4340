"""The read API over a real store, filled by the projector's own writes."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from analytics_service.api import ReadApi, add_read_api
from analytics_service.errors import StoreUnavailable
from analytics_service.read_side.cursors import parse_cursor
from analytics_service.read_side.database import Database
from analytics_service.read_side.documents import upserts_of
from analytics_service.read_side.queries import StoreReader
from analytics_service.read_side.store import StoreWriter
from analytics_service.read_side.store_health import StoreHealth
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.metrics import MetricsCollected
from common.contract.post import (
    FailureReason,
    PostAccepted,
    PostAvailable,
    PostFailed,
    PostProgressed,
    PostPublished,
    PostUploaded,
    PrivacyLevel,
)
from common.contract.tenant import Scope
from common.http.app import create_app
from common.service.redaction import REDACTED
from common.streams import Record, TopicPartition
from fakes.api_keys import IssuedKeys

T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NOW = T0 + timedelta(hours=1)
VIDEO = "7512345678901234567"
SHARE = f"https://www.tiktok.com/@shop/video/{VIDEO}"
PUBLIC = PrivacyLevel.PUBLIC_TO_EVERYONE


def about(revision: int, account_id: str = "acc_1") -> dict[str, Any]:
    at = T0 + timedelta(seconds=revision)
    return {"account_id": account_id, "post_id": "post-1", "tenant": "shop", "revision": revision, "at": at}


def numbers(age: int, views: int, video_id: str = VIDEO) -> MetricsCollected:
    return MetricsCollected(
        account_id="acc_1",
        post_id="post-1",
        tenant="shop",
        video_id=video_id,
        at=T0 + timedelta(seconds=age),
        age_seconds=age,
        view_count=views,
        like_count=3,
        comment_count=2,
        share_count=1,
        share_url=SHARE,
    )


STORY: tuple[Body, ...] = (
    PostAccepted(**about(1), source_url="https://media.test/v.mp4", privacy_level=PUBLIC, caption="hello"),
    PostProgressed(**about(1), bytes_sent=10, bytes_total=30),
    PostUploaded(**about(2), publish_id="p", attempt=1, bytes_total=30, privacy_level=PUBLIC, request_digest="d"),
    PostPublished(**about(3), publish_id="p"),
    PostAvailable(**about(4), publish_id="p", video_ids=(VIDEO,)),
    numbers(60, 100),
    numbers(300, 250),
    numbers(900, 900),
)


@pytest.fixture
def keys() -> IssuedKeys:
    return IssuedKeys()


@pytest.fixture
async def client(database: Database, keys: IssuedKeys) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(service="analytics", ready=dict)
    add_read_api(app, ReadApi(reader=StoreReader(database), clock=lambda: NOW), keys.authentication())
    transport, key = httpx.ASGITransport(app), keys.header("shop", Scope.ANALYTICS_READ)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=key) as client:
        yield client


async def project(database: Database, *bodies: Body, partition: int = 3) -> None:
    for body in bodies:
        value, headers = encode(Envelope(id="i", source="test", time=T0, traceparent=None, body=body))
        slice_ = TopicPartition(body.topic.name, partition)
        offset = (await StoreWriter(database).positions([slice_]))[slice_]
        record = Record(topic_partition=slice_, offset=offset, key=b"", value=value, headers=headers)
        await StoreWriter(database).write(upserts_of(record), {slice_: offset + 1})


async def test_post_is_shown_completely(database: Database, client: httpx.AsyncClient) -> None:
    await project(database, *STORY)
    await StoreWriter(database).advance_watermark(3, to=NOW - timedelta(seconds=1.5))
    answer = await client.get("/v1/posts/post-1")
    assert answer.status_code == 200
    shown = answer.json()
    timeline = shown.pop("timeline")
    assert shown == {
        "account_id": "acc_1",
        "post_id": "post-1",
        "tenant": "shop",
        "state": "available",
        "since": "2026-05-01T12:00:04Z",
        "progress": {"bytes_sent": 30, "bytes_total": 30},
        "videos": [
            {
                "video_id": VIDEO,
                "share_url": SHARE,
                "latest": {
                    "video_id": VIDEO,
                    "at": "2026-05-01T12:15:00Z",
                    "age_seconds": 900,
                    "view_count": 900,
                    "like_count": 3,
                    "comment_count": 2,
                    "share_count": 1,
                    "seconds_ago": 2700.0,
                },
            }
        ],
        "freshness": {"as_of": "2026-05-01T12:59:58.500000Z", "lag_seconds": 1.5},
    }
    assert [(event["type"], event["revision"]) for event in timeline] == [
        ("post.accepted", 1),
        ("post.uploaded", 2),
        ("post.published", 3),
        ("post.available", 4),
    ]
    assert timeline[0]["details"]["caption"] == "hello"
    assert timeline[1]["details"]["bytes_total"] == 30
    assert timeline[3] == {
        "type": "post.available",
        "at": "2026-05-01T12:00:04Z",
        "revision": 4,
        "details": {"publish_id": "p", "video_ids": [VIDEO]},
    }


async def test_uploading_post_shows_its_progress(database: Database, client: httpx.AsyncClient) -> None:
    await project(database, *STORY[:2])
    shown = (await client.get("/v1/posts/post-1")).json()
    assert (shown["state"], shown["progress"], shown["videos"]) == (
        "accepted",
        {"bytes_sent": 10, "bytes_total": 30},
        [],
    )
    assert shown["freshness"] == {"as_of": None, "lag_seconds": None}


async def test_failed_post_shows_its_reason(database: Database, client: httpx.AsyncClient) -> None:
    failed = PostFailed(**about(2), reason=FailureReason.SOURCE_FORBIDDEN, message="resolves to a private address")
    await project(database, STORY[0], failed)
    shown = (await client.get("/v1/posts/post-1")).json()
    assert shown["state"] == "failed"
    assert shown["timeline"][-1]["details"] == {
        "reason": "source_forbidden",
        "message": "resolves to a private address",
    }


async def test_video_without_metrics_is_shown(database: Database, client: httpx.AsyncClient) -> None:
    await project(database, *STORY[:5])
    shown = (await client.get("/v1/posts/post-1")).json()
    assert shown["videos"] == [{"video_id": VIDEO, "share_url": None, "latest": None}]


async def test_metrics_are_in_order_and_limited(database: Database, client: httpx.AsyncClient) -> None:
    await project(database, *STORY[:5], *reversed(STORY[5:]))
    whole = (await client.get("/v1/posts/post-1/metrics")).json()
    assert [(entry["age_seconds"], entry["view_count"]) for entry in whole["metrics"]] == [
        (60, 100),
        (300, 250),
        (900, 900),
    ]
    assert whole["next"] is None
    first = (await client.get("/v1/posts/post-1/metrics", params={"limit": 2})).json()
    assert [entry["age_seconds"] for entry in first["metrics"]] == [60, 300]
    rest = (await client.get("/v1/posts/post-1/metrics", params={"after": first["next"]})).json()
    assert ([entry["age_seconds"] for entry in rest["metrics"]], rest["next"]) == ([900], None)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
async def test_pages_show_every_metric_once(database: Database, client: httpx.AsyncClient, limit: int) -> None:
    # Three videos whose numbers came in one answer share one moment; a page may end among them.
    others = ("7599999999999999991", "7599999999999999992")
    named = PostAvailable(**about(5), publish_id="p", video_ids=(VIDEO, *others))
    await project(
        database, *STORY[:5], named, *(numbers(age, age, id_) for age in (60, 300) for id_ in (VIDEO, *others))
    )
    shown: list[tuple[int, str]] = []
    query: dict[str, str | int] = {"limit": limit}
    following: str | None = ""
    for _ in range(6 // limit + 1):
        page = (await client.get("/v1/posts/post-1/metrics", params=query)).json()
        shown += [(entry["age_seconds"], entry["video_id"]) for entry in page["metrics"]]
        following = page["next"]
        if following is None:
            break
        query["after"] = following
    assert (shown, following) == ([(age, id_) for age in (60, 300) for id_ in (VIDEO, *others)], None)


async def test_since_and_after_are_combined(database: Database, client: httpx.AsyncClient) -> None:
    await project(database, *STORY)
    first = (await client.get("/v1/posts/post-1/metrics", params={"limit": 1})).json()
    query = {"after": first["next"], "since": "2026-05-01T12:10:00Z"}
    rest = (await client.get("/v1/posts/post-1/metrics", params=query)).json()
    assert [entry["age_seconds"] for entry in rest["metrics"]] == [900]


@pytest.mark.parametrize(
    ("since", "shown"),
    [
        ("0001-01-01T00:00:00+14:00", 3),
        ("0001-01-01T00:00:00Z", 3),
        ("2026-05-01T14:05:00+02:00", 2),
        ("9999-12-31T23:59:59Z", 0),
        ("9999-12-31T23:59:59-14:00", 0),
    ],
)
async def test_since_accepts_any_datetime(
    database: Database, client: httpx.AsyncClient, since: str, shown: int
) -> None:
    await project(database, *STORY)
    answer = await client.get("/v1/posts/post-1/metrics", params={"since": since})
    assert answer.status_code == 200
    assert len(answer.json()["metrics"]) == shown


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        *((after, after) for after in ("", "x", "ä", "AAAA", "e30", "bnVsbA")),
        ("eyJhdCI6IjIwMjYtMDUtMDFUMTI6MDA6MDAiLCJpZCI6IiJ9", REDACTED),
        ("9" * 1024, "9" * 200),
    ],
)
async def test_foreign_cursor_is_refused(client: httpx.AsyncClient, after: str, shown: str) -> None:
    answer = await client.get("/v1/posts/post-1/metrics", params={"after": after})
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["field"] == "query.after"
    assert fault["value"] == shown
    assert "`next`" in fault["message"]


def test_cursor_at_the_end_of_the_calendar_is_accepted() -> None:
    text = base64.urlsafe_b64encode(b'{"at":"9999-12-31T23:59:59-14:00","id":"x"}').decode()
    assert parse_cursor(text).at == datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"since": "yesterday"},
        {"since": "2026-05-01T12:00:00"},
        {"since": "1e300"},
        {"since": "nan"},
        {"after": "9" * 1025},
    ],
    ids=str,
)
async def test_invalid_query_names_the_field(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    answer = await client.get("/v1/posts/post-1/metrics", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == f"query.{next(iter(query))}"


@pytest.mark.parametrize("path", ["/v1/posts/post-9", "/v1/posts/post-9/metrics", "/v1/posts/post-1?account_id=acc_9"])
async def test_unknown_post_is_a_problem(database: Database, client: httpx.AsyncClient, path: str) -> None:
    await project(database, STORY[0])
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unknown_post"


async def test_post_id_of_several_accounts_needs_the_account(database: Database, client: httpx.AsyncClient) -> None:
    other = PostAccepted(**about(1, "acc_2"), source_url="https://media.test/w.mp4", privacy_level=PUBLIC)
    await project(database, STORY[0])
    await project(database, other, partition=4)
    answer = await client.get("/v1/posts/post-1")
    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["account_ids"]) == ("ambiguous_post", ["acc_1", "acc_2"])
    named = await client.get("/v1/posts/post-1", params={"account_id": "acc_2"})
    assert (named.status_code, named.json()["account_id"]) == (200, "acc_2")
    assert len(named.json()["timeline"]) == 1


class Away:
    """A store that is away until the test brings it back."""

    def __init__(self) -> None:
        self.away = True
        self.asked = asyncio.Event()

    async def ping(self) -> None:
        self.asked.set()
        if self.away:
            raise StoreUnavailable(ConnectionError())


class AwayQueries(StoreReader):
    async def locate(self, tenant: str, post_id: str, account_id: str | None) -> list[Any]:
        raise StoreUnavailable(ConnectionError())


async def test_store_outage_is_answered_with_503(database: Database, keys: IssuedKeys) -> None:
    app = create_app(service="analytics", ready=dict)
    add_read_api(app, ReadApi(reader=AwayQueries(database), clock=lambda: NOW), keys.authentication())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/v1/posts/post-1", headers=keys.header())
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("away", [True, False])
async def test_readiness_follows_the_store(away: bool) -> None:  # noqa: FBT001 - a table's column
    store, stop = Away(), asyncio.Event()
    store.away = away
    health = StoreHealth(store)
    following = asyncio.create_task(health.follow(stop))
    await store.asked.wait()
    stop.set()
    await following
    assert health.answers is not away


async def test_store_answers_a_ping(database: Database) -> None:
    await StoreReader(database).ping()
