"""The app that every process has, the limit of a body, and a server that stops gracefully."""

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


class Order(BaseModel):
    caption: str = Field(max_length=5)
    size: int = Field(ge=1, le=9)


def an_app(wrong: dict[str, str] | None = None, registry: CollectorRegistry | None = None) -> FastAPI:
    app = http.create_app(service="example", ready=lambda: wrong or {}, registry=registry or CollectorRegistry())

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as opened:
        yield opened


async def test_healthz_of_a_healthy_process_is_ok(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_body_is_not_read_beyond_its_limit(client: httpx.AsyncClient) -> None:
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


async def test_readyz_of_an_unready_process_names_the_reasons() -> None:
    transport = httpx.ASGITransport(an_app({"views": "auth.accounts is 12 s behind"}))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] == {"views": "auth.accounts is 12 s behind"}
        assert (await client.get("/healthz")).status_code == 200


async def test_metrics_have_the_format_of_prometheus() -> None:
    registry = CollectorRegistry()
    Counter("example_things_total", "Things.", registry=registry).inc(3)
    transport = httpx.ASGITransport(an_app(registry=registry))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.get("/metrics")
    assert "example_things_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


async def test_serve_stops_on_the_event_and_ignores_signals() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve(an_app(), host="127.0.0.1", port=0, stop=stop, listening=address.set_result))
        async with httpx.AsyncClient(base_url=await address) as client:
            assert (await client.get("/healthz")).status_code == 200
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        stop.set()


async def test_serve_answers_running_requests_before_it_stops() -> None:
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


async def test_serve_on_a_used_address_names_it() -> None:
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve(an_app(), host="127.0.0.1", port=0, stop=stop, listening=address.set_result))
        port = httpx.URL(await address).port
        assert port is not None
        with pytest.raises(AddressUnavailable, match=rf"Cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
            await http.serve(an_app(), host="127.0.0.1", port=port, stop=stop)
        stop.set()
