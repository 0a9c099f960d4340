"""Authentication by API key: which keys are accepted, how others are refused, and that no key is shown."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends
from prometheus_client import REGISTRY, CollectorRegistry
from pydantic import BaseModel, Field

from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.tenant import ApiKeyIssued, ApiKeyRevoked, Scope, TenantDescribed
from common.contract.topics import AUTH_API_KEYS
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller, generate_key
from common.http.app import LARGEST_BODY_BYTES, create_app
from common.http.errors import Problem
from common.http.problems import PROBLEM_MEDIA_TYPE, Code
from common.streams import TopicPartition
from common.streams.engine.whole_view import WholeView
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.api_keys import IssuedKeys, bearer


class Order(BaseModel):
    size: int = Field(ge=1)


def routes(api_keys: ApiKeyAuth) -> APIRouter:
    router = APIRouter(route_class=AuthenticateBeforeBody)
    caller = Depends(api_keys.require(Scope.POSTS_WRITE))

    @router.post("/orders")
    async def order(order: Order, caller: Annotated[Caller, caller]) -> dict[str, object]:
        return {"tenant": caller.tenant, "key_id": caller.key_id, "scopes": sorted(caller.scopes), "size": order.size}

    @router.get("/problem")
    async def problem(caller: Annotated[Caller, caller]) -> None:
        raise Problem(Code.AMBIGUOUS_POST)

    @router.get("/bug")
    async def bug(caller: Annotated[Caller, caller]) -> None:
        raise ZeroDivisionError

    @router.get("/open")
    async def unlocked() -> str:
        return "open"

    @router.get("/numbers", dependencies=[caller])
    async def numbers(again: Annotated[Caller, Depends(api_keys.require(Scope.ANALYTICS_READ))]) -> str:
        return again.key_id

    return router


@dataclass
class Edge:
    """An edge with authentication, and the keys it knows."""

    keys: IssuedKeys
    http: httpx.AsyncClient

    async def order(self, headers: dict[str, str] | list[tuple[str, str]]) -> httpx.Response:
        return await self.http.post("/orders", json={"size": 1}, headers=headers)


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    keys = IssuedKeys()
    app = create_app(service="example", ready=dict, registry=CollectorRegistry())
    app.include_router(routes(keys.authentication()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
        yield Edge(keys, http)


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
    problem: dict[str, Any] = answer.json()
    assert problem["detail"]
    return problem


def refusals(why: Code) -> float:
    return REGISTRY.get_sample_value("api_key_refusals_total", {"reason": why}) or 0.0


# Who is let in


async def test_valid_key_gives_the_route_its_caller(edge: Edge) -> None:
    issued, text = edge.keys.issue("acme", (Scope.POSTS_WRITE, Scope.ACCOUNTS_MANAGE))
    answer = await edge.order(bearer(text))
    assert answer.status_code == 200
    assert answer.json() == {
        "tenant": "acme",
        "key_id": issued.key_id,
        "scopes": ["accounts:manage", "posts:write"],
        "size": 1,
    }


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer  "])
async def test_scheme_name_is_case_insensitive(edge: Edge, scheme: str) -> None:
    answer = await edge.order({"Authorization": f"{scheme} {edge.keys.issue()[1]}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "odd",
    [
        lambda key: "",
        lambda key: " ",
        lambda key: "Bearer",
        lambda key: "Bearer ",
        lambda key: key,
        lambda key: f"Basic {key}",
        lambda key: f"Bearer {key}, {key}",
        lambda key: f"Bearer {key} {key}",
        lambda key: f"Bearer\t{key}",
        lambda key: "Bearer " + "x" * 60_000,
        lambda key: "Bearer " + " " * 60_000 + key[:-1],
        lambda key: f"Bearer {key[:-1]}\u00e9",
    ],
)
async def test_header_without_a_key_is_answered_with_the_form(edge: Edge, odd: Callable[[str], str]) -> None:
    key = edge.keys.issue()[1]
    answer = await edge.order([("Authorization", odd(key).encode("latin-1"))])  # type: ignore[list-item]  # as it comes
    problem = refused(answer, 401, "api_key_missing")
    assert "Authorization: Bearer" in problem["detail"]
    assert key[-20:] not in answer.text


async def test_no_header_and_two_headers_are_no_key(edge: Edge) -> None:
    header = ("Authorization", bearer(edge.keys.issue()[1])["Authorization"])
    refused(await edge.order([]), 401, "api_key_missing")
    refused(await edge.order([header, header]), 401, "api_key_missing")


async def test_unknown_key_and_wrong_secret_get_the_same_answer(edge: Edge) -> None:
    issued, text = edge.keys.issue()
    unissued, another = generate_key(edge.keys.random.randbytes), generate_key(edge.keys.random.randbytes)
    unknown = await edge.order(bearer(unissued.text))
    wrong = await edge.order(bearer(f"pb_{issued.key_id}_{another.text[-43:]}"))
    refused(unknown, 401, "api_key_unknown")
    assert (unknown.content, unknown.headers) == (wrong.content, wrong.headers)
    assert (await edge.order(bearer(text))).status_code == 200


async def test_secrets_are_compared_also_for_unknown_keys(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    await edge.order(bearer(generate_key(edge.keys.random.randbytes).text))
    await edge.order(bearer(edge.keys.issue()[1]))
    assert compared == [(64, 64), (64, 64)]


def revoked(issued: ApiKeyIssued) -> ApiKeyRevoked:
    return ApiKeyRevoked(
        key_id=issued.key_id,
        tenant=issued.tenant,
        name=issued.name,
        scopes=issued.scopes,
        issued_at=issued.issued_at,
        secret_hash=issued.secret_hash,
        revoked_at=issued.issued_at,
    )


async def test_revoked_key_is_named_only_with_its_secret(edge: Edge) -> None:
    issued, text = edge.keys.issue()
    edge.keys.records[issued.key_id] = revoked(issued)
    refused(await edge.order(bearer(text)), 401, "api_key_revoked")
    guess = f"pb_{issued.key_id}_{generate_key(edge.keys.random.randbytes).text[-43:]}"
    refused(await edge.order(bearer(guess)), 401, "api_key_unknown")


async def test_key_is_valid_until_just_before_its_expiry(edge: Edge) -> None:
    issued, text = edge.keys.issue(expires_at=edge.keys.now)
    refused(await edge.order(bearer(text)), 401, "api_key_expired")
    guess = f"pb_{issued.key_id}_{generate_key(edge.keys.random.randbytes).text[-43:]}"
    refused(await edge.order(bearer(guess)), 401, "api_key_unknown")
    edge.keys.now -= timedelta(microseconds=1)
    assert (await edge.order(bearer(text))).status_code == 200


async def test_record_of_another_type_is_no_key(edge: Edge) -> None:
    issued, text = edge.keys.issue()
    odd = TenantDescribed(tenant="acme", name="Acme", created_at=issued.issued_at, changed_at=issued.issued_at)
    edge.keys.records[issued.key_id] = odd
    refused(await edge.order(bearer(text)), 401, "api_key_unknown")


async def test_missing_scope_is_named(edge: Edge) -> None:
    for scopes in ((), (Scope.ANALYTICS_READ, Scope.ACCOUNTS_MANAGE)):
        problem = refused(await edge.order(bearer(edge.keys.issue(scopes=scopes)[1])), 403, "scope_missing")
        assert problem["scope"] == "posts:write"


async def test_unready_view_is_not_ready_instead_of_unknown_key(edge: Edge) -> None:
    edge.keys.ready = False
    for headers in ({}, edge.keys.header()):
        refused(await edge.order(headers), 503, "not_ready")


async def test_route_without_scope_needs_no_key(edge: Edge) -> None:
    for path in ("/open", "/healthz", "/readyz", "/metrics", "/openapi.json"):
        answer = await edge.http.get(path)
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


async def test_openapi_names_the_scheme_and_the_scope(edge: Edge) -> None:
    described = (await edge.http.get("/openapi.json")).json()
    scheme = described["components"]["securitySchemes"]["ApiKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert described["paths"]["/orders"]["post"]["security"] == [{"ApiKey": ["posts:write"]}]
    assert "security" not in described["paths"]["/open"]["get"]
    assert "parameters" not in described["paths"]["/orders"]["post"]
    assert {"401", "403", "429", "503"} <= described["paths"]["/orders"]["post"]["responses"].keys()


async def test_refusals_are_counted_by_reason(edge: Edge) -> None:
    before = refusals(Code.API_KEY_MISSING), refusals(Code.SCOPE_MISSING)
    await edge.order({})
    await edge.order(edge.keys.header("acme", Scope.ANALYTICS_READ))
    assert (refusals(Code.API_KEY_MISSING), refusals(Code.SCOPE_MISSING)) == (before[0] + 1, before[1] + 1)


# The key comes first


async def test_body_without_a_key_is_not_read(edge: Edge) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"{"

    refused(await edge.http.post("/orders", content=body()), 401, "api_key_missing")
    assert read == 0


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"size": 0}', b" " * (LARGEST_BODY_BYTES + 1)])
async def test_faults_of_a_body_without_a_key_are_not_named(edge: Edge, content: bytes) -> None:
    answer = await edge.http.post("/orders", content=content, headers={"Content-Type": "application/json"})
    refused(answer, 401, "api_key_missing")


# How often


async def test_key_may_send_its_limit_and_no_more(edge: Edge) -> None:
    headers = bearer(edge.keys.issue(per_minute=2)[1])
    first, second, third = [await edge.order(headers) for _ in range(3)]
    assert [answer.headers["ratelimit"] for answer in (first, second)] == ['"key";r=1;t=30', '"key";r=0;t=30']
    assert first.headers["ratelimit-policy"] == '"key";q=2;w=60'
    problem = refused(third, 429, "rate_limited")
    assert problem["limit"] == 2
    assert (third.headers["retry-after"], third.headers["ratelimit"]) == ("30", '"key";r=0;t=30')
    assert (await edge.order(edge.keys.header())).status_code == 200
    edge.keys.seconds = 30.0
    assert (await edge.order(headers)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/orders", b'{"size": 1}', 200),
        ("POST", "/orders", b'{"size": 0}', 422),
        ("POST", "/orders", b"{", 422),
        ("POST", "/orders", b" " * (LARGEST_BODY_BYTES + 1), 413),
        ("GET", "/problem", b"", 409),
        ("GET", "/bug", b"", 500),
    ],
)
async def test_every_response_counts_once_and_has_the_rate_limit(
    edge: Edge, method: str, path: str, content: bytes, status: int
) -> None:
    headers = edge.keys.header() | {"Content-Type": "application/json"}
    for left in (599, 598):
        answer = await edge.http.request(method, path, content=content, headers=headers)
        assert answer.status_code == status
        assert answer.headers["ratelimit-policy"] == '"key";q=600;w=60'
        assert answer.headers["ratelimit"] == f'"key";r={left};t=1'


async def test_two_required_scopes_count_one_request(edge: Edge) -> None:
    answer = await edge.http.get("/numbers", headers=edge.keys.header())
    assert (answer.status_code, answer.headers["ratelimit"]) == (200, '"key";r=599;t=1')
    for scope in (Scope.ANALYTICS_READ, Scope.POSTS_WRITE):
        refused(await edge.http.get("/numbers", headers=edge.keys.header("acme", scope)), 403, "scope_missing")


async def test_missing_scope_counts_and_wrong_key_does_not(edge: Edge) -> None:
    issued, text = edge.keys.issue(scopes=(), per_minute=1)
    wrong = await edge.order(bearer(f"pb_{issued.key_id}_{generate_key(edge.keys.random.randbytes).text[-43:]}"))
    assert "ratelimit" not in wrong.headers
    assert (await edge.order(bearer(text))).headers["ratelimit"] == '"key";r=0;t=60'
    refused(await edge.order(bearer(text)), 429, "rate_limited")


# A key is seen nowhere


async def test_no_response_shows_a_key(edge: Edge) -> None:
    texts = [edge.keys.issue(scopes=())[1], generate_key(edge.keys.random.randbytes).text, edge.keys.issue()[1]]
    for text in texts:
        for path in ("/problem", "/bug"):
            answer = await edge.http.get(path, headers=bearer(text))
            assert answer.status_code >= 400
            assert text[:15] not in f"{answer.text}{answer.headers}"


# Through the log


class Written:
    """A log in memory, and a view that follows it."""

    def __init__(self) -> None:
        self.store = MemoryStore(partitions=2, clock=lambda: datetime(2026, 12, 1, tzinfo=UTC))
        self.view = WholeView(MemoryLog(self.store), AUTH_API_KEYS, partitions=2, loop_time=time.monotonic)

    def write(self, body: Body) -> None:
        envelope = Envelope(id="1", source="auth", time=None, traceparent=None, body=body)
        value, headers = encode(envelope)
        partition = MemoryLog(self.store).partition_of(body.key)
        slice_ = TopicPartition(AUTH_API_KEYS.name, partition)
        self.store.append(OutgoingRecord(topic_partition=slice_, key=body.key.encode(), value=value, headers=headers))


async def test_revocation_arrives_through_the_log() -> None:
    log, keys, stop = Written(), IssuedKeys(), asyncio.Event()
    issued, text = keys.issue()
    app = create_app(service="example", ready=dict, registry=CollectorRegistry())
    app.include_router(routes(ApiKeyAuth(log.view, clock=lambda: keys.now, monotonic=lambda: 0.0)))
    following = asyncio.create_task(log.view.follow(stop))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as http:
        edge = Edge(keys, http)
        refused(await edge.order(bearer(text)), 503, "not_ready")
        log.write(issued)
        await until(lambda: log.view.get(issued.key_id) is not None and log.view.ready)
        assert (await edge.order(bearer(text))).status_code == 200
        log.write(revoked(issued))
        await until(lambda: isinstance(log.view.get(issued.key_id), ApiKeyRevoked))
        refused(await edge.order(bearer(text)), 401, "api_key_revoked")
    stop.set()
    await following


async def until(reached: Callable[[], bool]) -> None:
    """Let others run until it is so; a memory log needs a few turns and no time."""
    for _ in range(200):
        if reached():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came to be")
