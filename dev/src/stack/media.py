"""The media server: an HTTPS source with range requests, as a backend's storage.

It runs as a process of its own.
"""

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Throttled:
    """Limits each answer to so many bytes per second, as a slow storage would."""

    def __init__(self, app: ASGIApp, *, bytes_per_second: int) -> None:
        self._app = app
        self._bytes_per_second = bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; after each piece sleep until the rate is met."""
        clock = asyncio.get_running_loop().time
        started_at, sent = clock(), 0

        async def send_throttled(message: Message) -> None:
            nonlocal sent
            await send(message)
            sent += len(message.get("body", b""))
            # From the start, not from the last piece: short sleeps that are too long even out.
            await asyncio.sleep(started_at + sent / self._bytes_per_second - clock())

        await self._app(scope, receive, send_throttled)


def application(folder: Path, *, bytes_per_second: int | None = None) -> Starlette:
    """Serve a folder's files with ETag, Range and If-Range, as RFC 9110 asks."""
    files: ASGIApp = StaticFiles(directory=folder)
    if bytes_per_second:
        files = Throttled(files, bytes_per_second=bytes_per_second)
    return Starlette(routes=[Route("/readyz", ready), Mount("/", files)])


async def ready(_: Request) -> PlainTextResponse:
    """Answer the readiness probe."""
    return PlainTextResponse("ready")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m stack.media", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-cert", required=True)
    parser.add_argument("--tls-key", required=True)
    parser.add_argument("--bytes-per-second", type=int, help="the most an answer may send; unlimited if absent")
    given = parser.parse_args(arguments)
    uvicorn.run(
        application(given.folder, bytes_per_second=given.bytes_per_second),
        host=given.host,
        port=given.port,
        ssl_certfile=given.tls_cert,
        ssl_keyfile=given.tls_key,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
