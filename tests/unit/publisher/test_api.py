"""`POST /v1/posts`: which requests it accepts, what it writes, and which problems it answers."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contract.account import AccountDescribed
from common.contract.post import PostRequested, PrivacyLevel, Source
from common.contract.tenant import Scope
from common.errors import NotDurable
from common.http.app import create_app
from common.http.problems import PROBLEM_MEDIA_TYPE
from common.service import tracing
from fakes.api_keys import IssuedKeys
from fakes.views import FakeView
from publisher_service.api import routes

REQUEST: dict[str, Any] = {
    "post_id": "post-1",
    "account_id": "acc_a",
    "source": {"url": "https://media.example/v.mp4"},
    "privacy_level": "SELF_ONLY",
}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def accounts_view() -> FakeView:
    """Return a view of one account."""
    view = FakeView()
    view.bodies["acc_a"] = AccountDescribed(account_id="acc_a", tenant="t1", open_id="o")
    return view


@dataclass
class Requests:
    """Keeps what is written, unless Kafka is down."""

    down: bool = False
    written: list[tuple[PostRequested, str]] = field(default_factory=list)

    async def write(self, request: PostRequested, traceparent: str) -> None:
        if self.down:
            raise NotDurable(about=request.post_id)
        self.written.append((request, traceparent))


@dataclass
class SubmitApi:
    """The edge over its fakes."""

    accounts: FakeView
    requests: Requests
    keys: IssuedKeys
    http: httpx.AsyncClient
    key: dict[str, str]

    async def submit(self, body: object, **headers: str) -> httpx.Response:
        return await self.http.post("/v1/posts", json=body, headers=self.key | headers)


@pytest.fixture
async def api() -> AsyncIterator[SubmitApi]:
    accounts, requests, keys = accounts_view(), Requests(), IssuedKeys()
    app = create_app(service="publisher", ready=dict)
    app.include_router(
        routes(
            api_keys=keys.authentication(),
            accounts=accounts,
            requests=requests,
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as http:
        yield SubmitApi(accounts, requests, keys, http, keys.header("t1", Scope.POSTS_WRITE))


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    return problem


async def test_submit_writes_request_and_returns_receipt(api: SubmitApi) -> None:
    response = await api.submit(REQUEST)

    assert response.status_code == 202
    assert response.json() == {"post_id": "post-1", "account_id": "acc_a"}
    ((request, _),) = api.requests.written
    assert request == PostRequested(
        post_id="post-1",
        account_id="acc_a",
        tenant="t1",
        source=Source(url="https://media.example/v.mp4"),
        privacy_level=PrivacyLevel.SELF_ONLY,
    )


async def test_submit_passes_every_field_on(api: SubmitApi) -> None:
    more = {
        "caption": "Grüße 👋",
        "allow_comment": True,
        "allow_duet": True,
        "allow_stitch": True,
        "brand_content": True,
        "brand_organic": True,
        "is_aigc": True,
        "cover_timestamp_ms": 1500,
        "publish_at": "2027-01-31T18:00:00+01:00",
        "not_after": "2027-02-01T00:00:00Z",
    }
    assert (await api.submit(REQUEST | more)).status_code == 202

    ((request, _),) = api.requests.written
    assert request.publish_at == datetime(2027, 1, 31, 17, tzinfo=UTC)
    assert request.not_after == datetime(2027, 2, 1, tzinfo=UTC)
    assert {name: getattr(request, name) for name in more if name not in {"publish_at", "not_after"}} == {
        name: value for name, value in more.items() if name not in {"publish_at", "not_after"}
    }
    assert {*more, *REQUEST, "tenant"} == set(PostRequested.__struct_fields__)


async def test_submit_without_post_id_makes_a_new_one_each_time(api: SubmitApi) -> None:
    body = {name: value for name, value in REQUEST.items() if name != "post_id"}
    first, second = (await api.submit(body)).json(), (await api.submit(body)).json()

    assert [request.post_id for request, _ in api.requests.written] == [first["post_id"], second["post_id"]]
    assert first["post_id"] != second["post_id"]


async def test_submit_continues_trace(api: SubmitApi) -> None:
    await api.submit(REQUEST, traceparent=TRACE)

    ((_, traceparent),) = api.requests.written
    trace = tracing.parse(traceparent)
    assert trace is not None
    assert trace.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert traceparent != TRACE


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}])
async def test_submit_without_readable_trace_starts_one(api: SubmitApi, headers: dict[str, str]) -> None:
    await api.submit(REQUEST, **headers)

    ((_, traceparent),) = api.requests.written
    assert tracing.parse(traceparent) is not None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"post_id": "not an id"}, "body.post_id"),
        ({"post_id": None}, "body.post_id"),
        ({"privacy_level": "EVERYONE"}, "body.privacy_level"),
        ({"source": {"url": "https://media.example/v.mp4", "token": "x"}}, "body.source.token"),
        ({"caption": "x" * 2201}, "body.caption"),
        ({"allow_comment": "yes"}, "body.allow_comment"),
        ({"cover_timestamp_ms": -1}, "body.cover_timestamp_ms"),
        ({"publish_at": "2027-01-31T18:00:00"}, "body.publish_at"),
        ({"not_after": 1_800_000_000}, "body.not_after"),
        ({"colour": "red"}, "body.colour"),
        ({"tenant": "t1"}, "body.tenant"),
    ],
)
async def test_submit_names_faulty_field(api: SubmitApi, change: dict[str, object], place: str) -> None:
    problem = is_problem(await api.submit(REQUEST | change), 422, "invalid_request")

    assert [fault["field"] for fault in problem["errors"]] == [place]
    assert api.requests.written == []


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
async def test_submit_time_too_far_ahead_is_refused_with_limit(api: SubmitApi, name: str) -> None:
    latest = NOW + timedelta(days=366)
    for time in (latest + timedelta(microseconds=1), datetime.max.replace(tzinfo=UTC)):
        problem = is_problem(await api.submit(REQUEST | {name: time.isoformat()}), 422, "invalid_request")
        (fault,) = problem["errors"]
        assert (fault["field"], fault["value"]) == (f"body.{name}", time.isoformat())
        assert fault["limit"] == {"le": latest.isoformat()}
    assert api.requests.written == []
    assert (await api.submit(REQUEST | {name: latest.isoformat()})).status_code == 202


@pytest.mark.parametrize("name", ["account_id", "source", "privacy_level"])
async def test_submit_without_required_field_is_refused(api: SubmitApi, name: str) -> None:
    problem = is_problem(
        await api.submit({key: REQUEST[key] for key in REQUEST if key != name}), 422, "invalid_request"
    )
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(f"body.{name}", "missing")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"post"', b"\xff", b"null"])
async def test_submit_body_that_is_no_json_object_is_refused(api: SubmitApi, body: bytes) -> None:
    response = await api.http.post("/v1/posts", content=body, headers=api.key | {"content-type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert api.requests.written == []


async def test_submit_for_account_not_connected_is_refused(api: SubmitApi) -> None:
    problem = is_problem(await api.submit(REQUEST | {"account_id": "acc_b"}), 404, "unknown_account")
    assert "acc_b" in problem["detail"]
    assert api.requests.written == []


async def test_other_tenants_account_answers_like_unknown_account(api: SubmitApi) -> None:
    api.key = api.keys.header("t2")
    other_tenants = is_problem(await api.submit(REQUEST), 404, "unknown_account")
    unknown = is_problem(await api.submit(REQUEST | {"account_id": "acc_b"}), 404, "unknown_account")
    assert other_tenants["detail"].replace("acc_a", "acc_b") == unknown["detail"]
    assert {name: other_tenants[name] for name in other_tenants if name != "detail"} == {
        name: unknown[name] for name in unknown if name != "detail"
    }
    assert api.requests.written == []


async def test_submit_needs_key_with_scope(api: SubmitApi) -> None:
    for key, status, code in (
        ({}, 401, "api_key_missing"),
        (api.keys.header("t1", Scope.ANALYTICS_READ, Scope.ACCOUNTS_MANAGE), 403, "scope_missing"),
    ):
        api.key = key
        for body in (REQUEST, {}):
            is_problem(await api.submit(body), status, code)
    assert api.requests.written == []


async def test_every_answer_carries_rate_limit_headers(api: SubmitApi) -> None:
    answers = [await api.submit(REQUEST), await api.submit({}), await api.submit(REQUEST | {"account_id": "acc_b"})]
    assert [answer.status_code for answer in answers] == [202, 422, 404]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"key";r={left};t=1' for left in (599, 598, 597)]


async def test_submit_before_accounts_are_loaded_is_not_ready(api: SubmitApi) -> None:
    api.accounts.ready = False
    is_problem(await api.submit(REQUEST | {"account_id": "acc_b"}), 503, "not_ready")
    assert api.requests.written == []


async def test_not_durable_answer_names_post_for_the_retry(api: SubmitApi) -> None:
    api.requests.down = True
    body = {name: value for name, value in REQUEST.items() if name != "post_id"}
    problem = is_problem(await api.submit(body), 503, "not_durable")

    api.requests.down = False
    again = await api.submit(REQUEST | {"post_id": problem["post_id"]})
    assert again.json()["post_id"] == problem["post_id"]
