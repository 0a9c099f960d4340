"""The HTTP face of a process: health, metrics, an edge's routes, and a server that stops when it is told to."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Any, Literal

import structlog
import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from common.errors import AddressUnavailable
from common.http.errors import Problem, install_problem_handlers
from common.http.openapi import DescribedApp, Responses, problems
from common.http.problems import PROBLEM_MEDIA_TYPE, Code
from common.http.response_headers import ResponseHeaders

log = structlog.get_logger(__name__)

Check = Callable[[], Mapping[str, str]]
"""What is wrong, as name → reason a person understands; empty when nothing is."""

SECONDS_TO_FINISH_REQUESTS = 5
LARGEST_BODY_BYTES = 256 * 1024
"""Far above the largest request of any edge; below what would hurt a process."""


_DESCRIPTION = f"""Errors are problem documents (RFC 9457, `{PROBLEM_MEDIA_TYPE}`); rely on their `code`.

An address that is not described here answers 404 with `{Code.NOT_FOUND}`; a method that an address does not take, 405
with `{Code.METHOD_NOT_ALLOWED}` and the header `Allow`."""


class Verdict(BaseModel):
    """Nothing is wrong; where something is, the answer is a problem."""

    status: Literal["ok"] = "ok"


def nothing_wrong() -> Mapping[str, str]:
    """Find nothing wrong: for processes that cannot be half alive."""
    return {}


def create_app(
    *, service: str, ready: Check, live: Check = nothing_wrong, registry: CollectorRegistry = REGISTRY
) -> FastAPI:
    """Build the app every process has; an edge adds its routers to it.

    `/healthz` says whether to restart the process, `/readyz` whether to send it requests; both answer 503 with
    reasons where not. `/metrics` is for Prometheus. Errors are problem documents (RFC 9457).
    """
    # The interactive pages load scripts from elsewhere, so only the description itself is served.
    app = DescribedApp(
        title=f"Postbus {service}", description=_DESCRIPTION, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    install_problem_handlers(app)
    app.add_middleware(_BodyLimit)
    app.add_middleware(ResponseHeaders)

    @app.get("/healthz", tags=["operations"], responses=problems(Code.UNHEALTHY))
    async def healthz() -> Verdict:
        """Whether the process is alive."""
        return _verdict(live(), Code.UNHEALTHY)

    @app.get("/readyz", tags=["operations"], responses=problems(Code.NOT_READY))
    async def readyz() -> Verdict:
        """Whether the process can do its work now."""
        return _verdict(ready(), Code.NOT_READY)

    numbers: Responses = {HTTPStatus.OK.value: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

    @app.get("/metrics", tags=["operations"], response_class=Response, responses=numbers)
    async def metrics() -> Response:
        """The process's numbers, for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


class _BodyLimit:
    """Stops reading a request's body where it gets too large, whatever its headers say."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        taken = 0

        async def take() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > LARGEST_BODY_BYTES:
                raise Problem(Code.BODY_TOO_LARGE, members={"limit": LARGEST_BODY_BYTES})
            return message

        await self._app(scope, take, send)


async def serve(
    app: Any,  # noqa: ANN401 - ASGI's own type is a union of callables over Any
    *,
    host: str,
    port: int,
    stop: asyncio.Event,
    listening: Callable[[str], None] = lambda _url: None,
) -> None:
    """Serve until `stop` is set; then let running requests finish, for a few seconds, and return.

    `listening` is told the address once connections are accepted (port 0 takes a free one). Signals are left alone.

    Raises:
        AddressUnavailable: the address is taken or not ours.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH_REQUESTS,
    )
    with contextlib.closing(_listen(host, port)) as listener:
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        server = _Server(config)
        stopping = asyncio.create_task(_stop_server(server, stop), name="stop http server")
        try:
            log.info("http_listening", url=url)
            listening(url)
            await server.serve(sockets=[listener])
        finally:
            stopping.cancel()


class _Server(uvicorn.Server):
    """A uvicorn server that leaves the process's signals to the process."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Capture none."""
        yield


async def _stop_server(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Listening from here on: connections wait in the backlog until the server has started.
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise AddressUnavailable(host=host, port=port, cause=error) from error


def _verdict(wrong: Mapping[str, str], code: Code) -> Verdict:
    if wrong:
        raise Problem(code, members={"reasons": dict(wrong)})
    return Verdict()
