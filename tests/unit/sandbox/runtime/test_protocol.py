"""Body bytes that arrive before the handler asks."""

import asyncio
import hashlib
from urllib.parse import urlsplit

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient, wait_until_held
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)


CONTENT = b"1234567890"


WAIT = 10


class Slow:
    """A client that sends a PUT piece by piece."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)

    async def begin(self, piece: bytes) -> "Slow":
        parts = self._parts
        self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = (
            f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: video/mp4\r\n"
            f"Content-Length: {len(CONTENT)}\r\nContent-Range: bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}\r\n\r\n"
        )
        await self.go_on(head.encode() + piece)
        return self

    async def go_on(self, piece: bytes) -> None:
        self._writer.write(piece)
        await self._writer.drain()

    async def status(self) -> int:
        line = await asyncio.wait_for(self._reader.readline(), WAIT)
        self._writer.close()
        await self._writer.wait_closed()
        return int(line.split()[1])


@pytest.mark.parametrize("split", [0, 1, 5, 10])
async def test_bytes_buffered_before_the_handler_are_in_the_chunk(split: int) -> None:
    async with Server(SETTINGS) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        client = await SandboxClient(http, server.context).connect()
        _, url = await client.open_upload(len(CONTENT))
        rule_id = await client.add_rule(endpoint="upload", at="request", action="hold")
        put = await Slow(url).begin(CONTENT[:split])
        await wait_until_held(client, rule_id)
        await http.post(f"/_sandbox/rules/{rule_id}/release")
        await put.go_on(CONTENT[split:])
        status = await put.status()
        await http.post("/_sandbox/clock", json={"seconds": 5})
        [post] = (await client.ledger())["posts"]

    assert status == 201
    assert post["sha256"] == hashlib.sha256(CONTENT).hexdigest()


async def test_rule_made_during_a_body_acts_on_its_rest() -> None:
    async with Server(SETTINGS) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        client = await SandboxClient(http, server.context).connect()
        _, url = await client.open_upload(len(CONTENT))
        put = await Slow(url).begin(CONTENT[:5])
        rule_id = await client.add_rule(endpoint="upload", at="body", action="hold", after_bytes=8)
        await put.go_on(CONTENT[5:])
        await wait_until_held(client, rule_id)
        inits = (await client.ledger())["inits"]
        await http.post(f"/_sandbox/rules/{rule_id}/release")
        status = await put.status()

    assert inits[0]["uploaded_bytes"] == 0
    assert status == 201
