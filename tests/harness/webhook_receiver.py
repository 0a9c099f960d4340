"""An app's webhook on loopback: records what it receives, and answers as planned."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

NO_CONTENT = 204


@dataclass
class ReceivedWebhook:
    """One POST."""

    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.envelope["content"])
        return found

    @property
    def event(self) -> str:
        return str(self.envelope["event"]).removeprefix("post.publish.")

    @property
    def signed_at(self) -> int:
        return int(self._signature["t"])

    @property
    def _signature(self) -> dict[str, str]:
        return dict(part.split("=", 1) for part in self.headers["tiktok-signature"].split(","))

    def is_signed_with(self, secret: str) -> bool:
        message = self._signature["t"].encode() + b"." + self.body
        return self._signature["s"] == hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """Answers with `answers` in order, then with `usual`. 0 closes the connection, -1 never answers."""

    url: str = ""
    received: list[ReceivedWebhook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    usual: int = 200

    @property
    def events(self) -> list[str]:
        return [each.event for each in self.received]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert first == "POST /hook HTTP/1.1"
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        self.received.append(ReceivedWebhook(headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.answers.pop(0) if self.answers else self.usual
        if status < 0:
            await reader.read()
        if status <= 0:
            return False
        body = "" if status == NO_CONTENT else "ok"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        writer.write(f"HTTP/1.1 {status} Status\r\n{length}\r\n{body}".encode())
        await writer.drain()
        return True


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a webhook server on a free port."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0, ssl=tls)
    scheme, host = ("http", "127.0.0.1") if tls is None else ("https", "localhost")
    receiver.url = f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/hook"
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
