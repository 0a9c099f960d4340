"""The sandbox on a real port: closed connections, and a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)


WAIT = 10


async def _die_after(url: str, piece: bytes) -> None:
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: video/mp4\r\n"
        "Content-Length: 10\r\nContent-Range: bytes 0-9/10\r\n\r\n"
    )
    writer.write(head.encode() + piece)
    await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def _running(folder: Path, clock: Clock) -> AsyncIterator[SandboxClient]:
    async with (
        Server(SETTINGS, clock=clock, state_folder=folder) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield SandboxClient(http, server.context)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize(("at", "inits"), [("request", 0), ("answer", 1)])
async def test_lost_answer_closes_the_connection(at: str, inits: int) -> None:
    async with Server(SETTINGS) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        client = await SandboxClient(http, server.context).connect()
        await client.add_rule(endpoint="video_init", at=at, action="lose_answer")

        with pytest.raises(httpx.TransportError):
            await client.init(5)

        assert len((await client.ledger())["inits"]) == inits


async def test_client_that_leaves_within_a_chunk_stores_nothing() -> None:
    async with Server(SETTINGS) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        client = await SandboxClient(http, server.context).connect()
        publish_id, url = await client.open_upload(10)
        rule_id = await client.add_rule(endpoint="upload", at="body", action="hold", after_bytes=4)
        await _die_after(url, b"12345")
        wait = {"holding": 1, "timeout": WAIT}
        assert (await http.get(f"/_sandbox/rules/{rule_id}/wait", params=wait, timeout=WAIT + 5)).status_code == 200
        await http.post(f"/_sandbox/rules/{rule_id}/release")

        again = await client.put(url, b"1234567890", 0, 10)

        assert again.status_code == 201
        [init] = (await client.ledger())["inits"]
        assert (init["publish_id"], init["uploaded_bytes"]) == (publish_id, 10)


async def test_restart_keeps_people_tokens_and_posts(tmp_path: Path, clock: Clock) -> None:
    async with _running(tmp_path, clock) as before:
        await before.connect("person")
        publish_id = await before.post_video(b"bytes")
        dead_id, dead_url = await before.open_upload(20, 10, 2)
        await before.put(dead_url, bytes(10), 0, 20)
        fresh_id, fresh_url = await before.open_upload(10)
    clock.advance(2)

    async with _running(tmp_path, clock) as after:
        after.token = before.token
        status = (await after.status(publish_id)).json()["data"]["status"]
        ledger = await after.ledger()
        dead = await after.put(_path(dead_url), bytes(10), 10, 20)
        fresh = await after.put(_path(fresh_url), bytes(10), 0, 10)

    assert status == "PUBLISH_COMPLETE"
    assert [each["publish_id"] for each in ledger["inits"]] == [publish_id, dead_id, fresh_id]
    assert [each["publish_id"] for each in ledger["posts"]] == [publish_id]
    assert after.app == before.app
    # The result is not kept here, and a hash cannot continue without it.
    assert dead.status_code == 404
    assert fresh.status_code == 201
