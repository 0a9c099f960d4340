"""The front door: what it takes, what it writes, and how it says no."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from common.contract.account import AccountDescribed
from common.contract.body import Body
from common.contract.post import PostRequested, PrivacyLevel, Source
from common.contract.tenant import Scope
from common.errors import NotDurable
from common.http.app import create_app
from common.http.problems import PROBLEM_MEDIA_TYPE
from common.service import tracing
from fakes.api_keys import IssuedKeys
from publisher_service.api import routes

ASKED: dict[str, Any] = {
    "post_id": "post-1",
    "account_id": "acc_a",
    "source": {"url": "https://media.example/v.mp4"},
    "privacy_level": "SELF_ONLY",
}
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Accounts:
    """A whole view of one account."""

    ready: bool = True
    records: Mapping[str, Body] = field(
        default_factory=lambda: {"acc_a": AccountDescribed(account_id="acc_a", tenant="t1", open_id="o")}
    )

    def get(self, account_id: str) -> Body | None:
        return self.records.get(account_id)


@dataclass
class Requests:
    """Keeps what is written, unless it is away."""

    away: bool = False
    written: list[tuple[PostRequested, str]] = field(default_factory=list)

    async def write(self, request: PostRequested, traceparent: str) -> None:
        if self.away:
            raise NotDurable(about=request.post_id)
        self.written.append((request, traceparent))


@dataclass
class Door:
    """The edge and what stands behind it."""

    accounts: Accounts
    requests: Requests
    keys: IssuedKeys
    http: httpx.AsyncClient
    key: dict[str, str]

    async def ask(self, body: object, **headers: str) -> httpx.Response:
        return await self.http.post("/v1/posts", json=body, headers=self.key | headers)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    accounts, requests, keys = Accounts(), Requests(), IssuedKeys()
    app = create_app(service="publisher", ready=dict)
    app.include_router(
        routes(gate=keys.gate(), accounts=accounts, requests=requests, clock=lambda: NOW, random_bytes=os.urandom)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as http:
        yield Door(accounts, requests, keys, http, keys.header("t1", Scope.POSTS_WRITE))


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem: dict[str, Any] = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["detail"]
    return problem


async def test_a_request_is_written_down_and_receipted(door: Door) -> None:
    response = await door.ask(ASKED)

    assert response.status_code == 202
    assert response.json() == {"post_id": "post-1", "account_id": "acc_a"}
    ((request, _),) = door.requests.written
    assert request == PostRequested(
        post_id="post-1",
        account_id="acc_a",
        tenant="t1",
        source=Source(url="https://media.example/v.mp4"),
        privacy_level=PrivacyLevel.SELF_ONLY,
    )


async def test_everything_that_can_be_asked_for_arrives(door: Door) -> None:
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
    assert (await door.ask(ASKED | more)).status_code == 202

    ((request, _),) = door.requests.written
    assert request.publish_at == datetime(2027, 1, 31, 17, tzinfo=UTC)
    assert request.not_after == datetime(2027, 2, 1, tzinfo=UTC)
    assert {name: getattr(request, name) for name in more if name not in {"publish_at", "not_after"}} == {
        name: value for name, value in more.items() if name not in {"publish_at", "not_after"}
    }
    assert {*more, *ASKED, "tenant"} == set(PostRequested.__struct_fields__)


async def test_a_post_without_an_id_is_given_a_new_one_each_time(door: Door) -> None:
    body = {name: value for name, value in ASKED.items() if name != "post_id"}
    first, second = (await door.ask(body)).json(), (await door.ask(body)).json()

    assert [request.post_id for request, _ in door.requests.written] == [first["post_id"], second["post_id"]]
    assert first["post_id"] != second["post_id"]


async def test_a_trace_is_continued(door: Door) -> None:
    await door.ask(ASKED, traceparent=TRACE)

    ((_, traceparent),) = door.requests.written
    trace = tracing.parse(traceparent)
    assert trace is not None
    assert trace.trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert traceparent != TRACE


@pytest.mark.parametrize("headers", [{}, {"traceparent": "nonsense"}])
async def test_a_trace_is_begun_where_there_is_none(door: Door, headers: dict[str, str]) -> None:
    await door.ask(ASKED, **headers)

    ((_, traceparent),) = door.requests.written
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
async def test_a_faulty_field_is_named(door: Door, change: dict[str, object], place: str) -> None:
    problem = is_problem(await door.ask(ASKED | change), 422, "invalid_request")

    assert [fault["field"] for fault in problem["errors"]] == [place]
    assert door.requests.written == []


@pytest.mark.parametrize("name", ["publish_at", "not_after"])
async def test_a_time_too_far_ahead_is_refused_with_the_limit(door: Door, name: str) -> None:
    farthest = NOW + timedelta(days=366)
    for time in (farthest + timedelta(microseconds=1), datetime.max.replace(tzinfo=UTC)):
        problem = is_problem(await door.ask(ASKED | {name: time.isoformat()}), 422, "invalid_request")
        (fault,) = problem["errors"]
        assert (fault["field"], fault["value"]) == (f"body.{name}", time.isoformat())
        assert fault["limit"] == {"le": farthest.isoformat()}
    assert door.requests.written == []
    assert (await door.ask(ASKED | {name: farthest.isoformat()})).status_code == 202


@pytest.mark.parametrize("name", ["account_id", "source", "privacy_level"])
async def test_what_has_no_default_has_to_be_said(door: Door, name: str) -> None:
    problem = is_problem(await door.ask({key: ASKED[key] for key in ASKED if key != name}), 422, "invalid_request")
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(f"body.{name}", "missing")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"post"', b"\xff", b"null"])
async def test_what_is_no_json_object_is_refused(door: Door, body: bytes) -> None:
    response = await door.http.post("/v1/posts", content=body, headers=door.key | {"content-type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert door.requests.written == []


async def test_an_account_nobody_connected_is_unknown(door: Door) -> None:
    problem = is_problem(await door.ask(ASKED | {"account_id": "acc_b"}), 404, "unknown_account")
    assert "acc_b" in problem["detail"]
    assert door.requests.written == []


async def test_another_tenants_account_is_as_unknown_as_one_that_is_none(door: Door) -> None:
    door.key = door.keys.header("t2")
    theirs = is_problem(await door.ask(ASKED), 404, "unknown_account")
    nobodys = is_problem(await door.ask(ASKED | {"account_id": "acc_b"}), 404, "unknown_account")
    assert theirs["detail"].replace("acc_a", "acc_b") == nobodys["detail"]
    assert {name: theirs[name] for name in theirs if name != "detail"} == {
        name: nobodys[name] for name in nobodys if name != "detail"
    }
    assert door.requests.written == []


async def test_only_a_key_that_may_write_posts_is_let_in(door: Door) -> None:
    for key, status, code in (
        ({}, 401, "api_key_missing"),
        (door.keys.header("t1", Scope.ANALYTICS_READ, Scope.ACCOUNTS_MANAGE), 403, "scope_missing"),
    ):
        door.key = key
        for body in (ASKED, {}):
            is_problem(await door.ask(body), status, code)
    assert door.requests.written == []


async def test_every_answer_says_what_is_left_to_the_key(door: Door) -> None:
    answers = [await door.ask(ASKED), await door.ask({}), await door.ask(ASKED | {"account_id": "acc_b"})]
    assert [answer.status_code for answer in answers] == [202, 422, 404]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"key";r={left};t=1' for left in (599, 598, 597)]


async def test_before_the_accounts_are_known_nobody_is_told_that_one_is_unknown(door: Door) -> None:
    door.accounts.ready = False
    is_problem(await door.ask(ASKED | {"account_id": "acc_b"}), 503, "not_ready")
    assert door.requests.written == []


async def test_what_may_not_be_durable_names_the_post_so_that_it_can_be_asked_for_again(door: Door) -> None:
    door.requests.away = True
    body = {name: value for name, value in ASKED.items() if name != "post_id"}
    problem = is_problem(await door.ask(body), 503, "not_durable")

    door.requests.away = False
    again = await door.ask(ASKED | {"post_id": problem["post_id"]})
    assert again.json()["post_id"] == problem["post_id"]
