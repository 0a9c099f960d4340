"""The HTTP face of a process: verdicts, numbers, problem documents, and a server that stops when told."""

import asyncio
import signal
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter
from pydantic import BaseModel, Field

from common.errors import AddressUnavailable
from common.http import app as http
from common.http.errors import Problem
from common.http.problems import PROBLEM_MEDIA_TYPE, Code


class Order(BaseModel):
    caption: str = Field(max_length=5)
    access_token: str = Field(default="", max_length=3)
    size: int = Field(ge=1, le=9)


def an_app(wrong: dict[str, str] | None = None, registry: CollectorRegistry | None = None) -> FastAPI:
    app = http.create_app(service="example", ready=lambda: wrong or {}, registry=registry or CollectorRegistry())

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    @app.get("/known")
    async def known() -> None:
        raise Problem(Code.AMBIGUOUS_POST, "Name one of two.", members={"post_id": "p"}, headers={"X-Two": "2"})

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as opened:
        yield opened


async def test_a_healthy_process_says_so(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_body_is_not_read_beyond_its_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            yield b" " * 65536

    answer = await client.post("/orders", content=endless())
    assert answer.status_code == 413
    assert (answer.json()["code"], answer.json()["limit"]) == ("body_too_large", http.LARGEST_BODY_BYTES)
    assert sent <= http.LARGEST_BODY_BYTES + 65536
    just_right = b'{"caption": "a", "size": 1}'.ljust(http.LARGEST_BODY_BYTES)
    whole = await client.post("/orders", content=just_right, headers={"Content-Type": "application/json"})
    assert whole.status_code == 200


async def test_an_unready_process_says_why_and_stays_alive() -> None:
    transport = httpx.ASGITransport(an_app({"views": "auth.accounts is 12 s behind"}))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] == {"views": "auth.accounts is 12 s behind"}
        assert (await client.get("/healthz")).status_code == 200


async def test_metrics_are_for_prometheus() -> None:
    registry = CollectorRegistry()
    Counter("example_things_total", "Things.", registry=registry).inc(3)
    transport = httpx.ASGITransport(an_app(registry=registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.get("/metrics")
    assert "example_things_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_a_problem_is_a_document_with_a_stable_code(client: httpx.AsyncClient) -> None:
    answer = await client.get("/known")
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.json() == {
        "type": "urn:postbus:problem:ambiguous_post",
        "title": "Ambiguous post",
        "status": 409,
        "code": "ambiguous_post",
        "detail": "Name one of two.",
        "post_id": "p",
    }


async def test_a_validation_error_names_field_value_and_limit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/orders", json={"caption": "too long", "size": 0})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request")
    caption, size = problem["errors"]
    assert (caption["field"], caption["value"], caption["limit"]) == ("body.caption", "too long", {"max_length": 5})
    assert (size["field"], size["value"], size["limit"]) == ("body.size", 0, {"ge": 1})
    assert "body.size: Input should be greater than or equal to 1" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"caption": "a", "size": NaN}',
        b'{"caption": "a", "size": 1e999}',
        b'{"caption": "longer \\ud800", "size": 1}',
        b'{"caption": "a", "size": 1, "access_token": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"\xff",
        b"[" * 100_000,
    ],
)
async def test_what_no_json_can_repeat_is_refused_all_the_same(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/orders", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.json()["code"]


async def test_a_validation_error_never_shows_a_secret(client: httpx.AsyncClient) -> None:
    for body in ({"caption": "x", "size": 1, "access_token": "planted"}, {"access_token": "planted"}):
        answer = await client.post("/orders", json=body)
        assert answer.status_code == 422
        assert "planted" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/orders", 405, "method_not_allowed"),
        ("GET", "/bug", 500, "internal_error"),
    ],
)
async def test_every_error_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert "ZeroDivision" not in answer.text


async def test_serving_stops_on_the_event_and_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve(an_app(), host="127.0.0.1", port=0, stop=stop, listening=address.set_result))
        async with httpx.AsyncClient(base_url=await address) as client:
            assert (await client.get("/healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        stop.set()


async def test_a_request_in_flight_is_answered_before_the_server_stops() -> None:
    stop, arrived = asyncio.Event(), asyncio.Event()
    app = an_app()

    @app.get("/slow")
    async def slow() -> str:
        arrived.set()
        await stop.wait()
        return "done"

    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve(app, host="127.0.0.1", port=0, stop=stop, listening=address.set_result))
        async with httpx.AsyncClient(base_url=await address) as client:
            answer = tasks.create_task(client.get("/slow"))
            await arrived.wait()
            stop.set()
            assert (await answer).json() == "done"


async def test_a_taken_address_is_named() -> None:
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve(an_app(), host="127.0.0.1", port=0, stop=stop, listening=address.set_result))
        port = httpx.URL(await address).port
        assert port is not None
        with pytest.raises(AddressUnavailable, match=rf"Cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await http.serve(an_app(), host="127.0.0.1", port=port, stop=stop)
        stop.set()
