"""Uploads on a real connection, and rules that act within a body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)


ROOMY = Settings()


WAIT = 10


@asynccontextmanager
async def _meeting(settings: Settings = SETTINGS) -> AsyncIterator[tuple[SandboxClient, Server]]:
    async with (
        Server(settings) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=WAIT) as http,
    ):
        yield await SandboxClient(http, server.context).connect(), server


async def test_upload_closed_in_its_body_can_be_sent_again() -> None:
    async with _meeting(ROOMY) as (client, _):
        publish_id, url = await client.open_upload(4_000_000)
        await client.add_rule(endpoint="upload", at="body", after_bytes=2_000_000, action="close")

        with pytest.raises(httpx.TransportError):
            await client.put(url, bytes(4_000_000), 0, 4_000_000)
        again = await client.put(url, bytes(4_000_000), 0, 4_000_000)
        [init] = (await client.ledger())["inits"]

    assert again.status_code == 201
    assert init["publish_id"] == publish_id
    assert 6_000_000 <= init["bytes_read"] < 8_000_000


async def test_slow_upload_is_slow_on_the_wire() -> None:
    async with _meeting(ROOMY) as (client, _):
        size = 3_000_000
        _, url = await client.open_upload(size)
        await client.add_rule(endpoint="upload", action="slow", bytes_per_second=10_000_000)
        answer = await client.put(url, bytes(size), 0, size)
        [call] = (await client.http.get("/_sandbox/calls", params={"endpoint": "upload"})).json()["calls"]

    assert answer.status_code == 201
    assert call["bytes"] == size
    assert 0.28 < call["seconds"] < WAIT


async def test_slow_upload_is_received_at_the_limited_speed(connected: SandboxClient, clock: Clock) -> None:
    publish_id, url = await connected.open_upload(50)
    rule_id = await connected.add_rule(endpoint="upload", action="slow", bytes_per_second=5)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        put = tasks.create_task(connected.put(url, bytes(50), 0, 50))
        await connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1, "timeout": WAIT})
        clock.advance(9)
        await asyncio.wait({put}, timeout=0.05)
        early = (await connected.status(publish_id)).json()["data"]["uploaded_bytes"]
        clock.advance(1)

    assert (early, put.result().status_code) == (0, 201)


async def test_status_within_a_body_discards_the_chunk(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(10)
    await connected.add_rule(endpoint="upload", at="body", action="status", status=502)

    broken = await connected.put(url, bytes(10), 0, 10)
    again = await connected.put(url, bytes(10), 0, 10)

    assert (broken.status_code, again.status_code) == (502, 201)
