"""The media server: an https source with ranges, as a product backend's storage would be. Runs as its own process."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles


def application(folder: Path) -> Starlette:
    """Serve a folder's files: ETag, Range, If-Range; 206, 416 and 404 as they should be."""
    routes = [Route("/readyz", ready), Mount("/", StaticFiles(directory=folder))]
    return Starlette(routes=routes)


async def ready(_: Request) -> PlainTextResponse:
    """Say that files can be asked for."""
    return PlainTextResponse("ready")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m stack.media", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-cert", required=True)
    parser.add_argument("--tls-key", required=True)
    given = parser.parse_args(arguments)
    uvicorn.run(
        application(given.folder),
        host=given.host,
        port=given.port,
        ssl_certfile=given.tls_cert,
        ssl_keyfile=given.tls_key,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
