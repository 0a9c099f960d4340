"""A server that says what a test wants it to say, over real sockets."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing

import httpx
import pytest
import trustme

from harness.upload_host import StartHost, UploadHost, serve
from tiktok.client import TikTok

Serve = Callable[[bytes], Awaitable[str]]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def tiktok_at(http: httpx.AsyncClient) -> Callable[[str], TikTok]:
    return lambda url: TikTok(http, url, "key", "secret-of-the-app")


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads one request, says `answer` and hangs up; its address and what it read."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        seen.append(head + await reader.readexactly(length))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


@pytest.fixture
async def silent() -> AsyncIterator[tuple[str, list[bytes]]]:
    async with answering(b"") as server:
        yield server


@pytest.fixture
def closed_port() -> Iterator[str]:
    """An address where connections are refused: bound, so that no other process takes it, and not listening."""
    with closing(socket.socket()) as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def start_host(authority: trustme.CA) -> Iterator[StartHost]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    opened: list[tuple[socket.socket, threading.Thread]] = []

    def start(*answers: bytes) -> UploadHost:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        host = UploadHost(url=f"https://localhost:{port}/video/?upload_token=planted", port=port, answers=list(answers))
        thread = threading.Thread(target=serve, args=(listener, context, host))
        thread.start()
        opened.append((listener, thread))
        return host

    yield start
    for listener, thread in opened:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)
        assert not thread.is_alive()
