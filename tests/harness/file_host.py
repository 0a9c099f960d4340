"""A file server on loopback, from which the sandbox downloads."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class FileHost:
    """Serves `files` by path.

    `broken` paths end in the middle of the body, `silent` ones stop there until `resume` is set. `requests` are
    path and host.
    """

    port: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    half_sent: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.requests.append((path, head.lower().partition("\r\nhost: ")[2].partition("\r\n")[0]))
            await self._send(path, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _send(self, path: str, writer: asyncio.StreamWriter) -> None:
        content = self.files.get(path, b"")
        status = self.statuses.get(path, 200 if path in self.files else 404)
        location = "Location: /video.mp4\r\n" if 300 <= status < 400 else ""
        start = f"HTTP/1.1 {status} Status\r\nContent-Length: {len(content)}\r\nConnection: close\r\n{location}\r\n"
        half = len(content) // 2
        writer.write(start.encode() + content[:half])
        await writer.drain()
        if path in self.broken:
            return
        if path in self.silent:
            self.half_sent.set()
            await self.resume.wait()
        writer.write(content[half:])
        await writer.drain()


@asynccontextmanager
async def file_host(tls: ssl.SSLContext | None = None) -> AsyncIterator[FileHost]:
    """Run a file server on a free port."""
    host = FileHost()
    server = await asyncio.start_server(host.answer, "127.0.0.1", 0, ssl=tls)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        host.resume.set()
        server.close()
        await server.wait_closed()
