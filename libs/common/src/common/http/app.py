"""The HTTP server of a process: health, metrics, an edge's routes, and a graceful stop."""

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

_log = structlog.get_logger()

Check = Callable[[], Mapping[str, str]]
"""Returns what is wrong, as name → reason in words. Empty if nothing is."""

SECONDS_TO_FINISH_REQUESTS = 5
"""After a stop signal. Requests that last longer are cut off."""
LARGEST_BODY_BYTES = 256 * 1024
"""Far above the largest request of any edge, and small enough that many at once do not exhaust the memory."""


_DESCRIPTION = f"""Errors are problem documents (RFC 9457, `{PROBLEM_MEDIA_TYPE}`). Rely on their `code`.

A path that is not described here is answered with 404 and `{Code.NOT_FOUND}`, a method that a path does not support
with 405, `{Code.METHOD_NOT_ALLOWED}` and the header `Allow`."""


class HealthStatus(BaseModel):
    """Nothing is wrong. Otherwise the response is a problem."""

    status: Literal["ok"] = "ok"


def no_problems() -> Mapping[str, str]:
    """Return that nothing is wrong, for processes that exit when something is."""
    return {}


def create_app(
    *, service: str, ready: Check, live: Check = no_problems, registry: CollectorRegistry = REGISTRY
) -> FastAPI:
    """Build the app that every process has. An edge adds its routers to it.

    `/healthz` is 200 unless the process must be restarted, `/readyz` is 200 while it may get requests. Both answer 503
    with the reasons otherwise. `/metrics` is for Prometheus. Errors are problem documents (RFC 9457).
    """
    # The interactive pages load scripts from another host, so only the OpenAPI document is served.
    app = DescribedApp(
        title=f"Postbus {service}", description=_DESCRIPTION, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    install_problem_handlers(app)
    app.add_middleware(_BodyLimit)
    # Added last, it is outermost: responses to a body that is too large get their headers too.
    app.add_middleware(ResponseHeaders)

    @app.get("/healthz", tags=["operations"], responses=problems(Code.UNHEALTHY))
    async def healthz() -> HealthStatus:
        """Whether the process is alive."""
        return _health(live(), Code.UNHEALTHY)

    @app.get("/readyz", tags=["operations"], responses=problems(Code.NOT_READY))
    async def readyz() -> HealthStatus:
        """Whether the process can do its work now."""
        return _health(ready(), Code.NOT_READY)

    text: Responses = {HTTPStatus.OK.value: {"content": {"text/plain": {"schema": {"type": "string"}}}}}

    @app.get("/metrics", tags=["operations"], response_class=Response, responses=text)
    async def metrics() -> Response:
        """The process's metrics, for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app


class _BodyLimit:
    """Stops reading a request's body once it is too large.

    It counts the bytes that arrive: `Content-Length` may be absent or wrong.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request. Raises a `Problem` from `receive` when the body is too large."""
        taken = 0

        async def take() -> Message:
            """Return the next message of the body, unless the body is too large by now."""
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
    """Serve until `stop` is set. Then running requests get a few seconds to finish.

    `listening` is called with the URL once connections are accepted, since port 0 takes a free port. Signals are not
    handled here: the process as a whole decides when to stop.

    Raises:
        AddressUnavailable: another process uses the address, or it is not one of this machine.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # A forwarded address is only the caller's claim.
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH_REQUESTS,
    )
    # Opened here: uvicorn would end the process with no error of ours if the port is taken.
    with contextlib.closing(_listen(host, port)) as listener:
        url = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        server = _Server(config)
        stopping = asyncio.create_task(_stop_server(server, stop), name="stop http server")
        try:
            _log.info("http_listening", url=url)
            listening(url)
            await server.serve(sockets=[listener])
        finally:
            # The server may also end by an error, without `stop` being set.
            stopping.cancel()


class _Server(uvicorn.Server):
    """A uvicorn server that does not replace the process's signal handlers."""

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signal handlers as they are."""
        yield


async def _stop_server(server: uvicorn.Server, stop: asyncio.Event) -> None:
    """Ask uvicorn to stop once `stop` is set. It then closes the listener and ends its requests."""
    await stop.wait()
    server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    """Listen on the address. Raises `AddressUnavailable`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # It listens from here on: connections wait in the backlog while the server starts, and none is refused.
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise AddressUnavailable(host=host, port=port, cause=error) from error


def _health(wrong: Mapping[str, str], code: Code) -> HealthStatus:
    """Return that nothing is wrong. Raises a 503 with the reasons otherwise."""
    if wrong:
        raise Problem(code, members={"reasons": dict(wrong)})
    return HealthStatus()
