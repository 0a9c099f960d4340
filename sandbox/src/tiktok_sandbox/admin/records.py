"""What the stand-in has seen, for whoever tests against it: what was posted, every call, and every secret."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from msgspec import structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.model import ledger

_FILTERS: Final = {"endpoint", "open_id", "username", "client_key", "publish_id", "status", "code"}


def admin_routes(shell: Shell) -> list[Route]:
    """The ledger, the calls and the secrets."""
    return [
        Route("/_sandbox/ledger", _ledger(shell)),
        Route("/_sandbox/calls", _calls(shell)),
        Route("/_sandbox/secrets", _secrets(shell)),
    ]


def _ledger(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        now = shell.clock.now()
        publications = tuple(shell.world.publications.values())
        return JSONResponse(
            {
                "now": now,
                "posts": ledger.posts(publications, now),
                "inits": ledger.inits(publications, shell.world.bytes_read, now),
            }
        )

    return handle


def _calls(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        after, wanted = _after(request), {**request.query_params}
        wanted.pop("after", None)
        if after is None or not set(wanted) <= _FILTERS:
            may = f"`after` is a number; there is also {', '.join(sorted(_FILTERS))}"
            return JSONResponse({"error": may}, status_code=422)
        forgotten = shell.calls_seen - len(shell.calls)
        found = islice(shell.calls, max(after - forgotten, 0), None)
        return JSONResponse({"calls": [each for each in found if _is_as(each, wanted)]})

    return handle


def _secrets(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        after, known = _after(request), shell.world.grants.secrets
        if after is None or not set(request.query_params) <= {"after"}:
            return JSONResponse({"error": "`after` is a number; there is nothing else"}, status_code=422)
        return JSONResponse({"seen": known.seen, "secrets": [structs.asdict(each) for each in known.after(after)]})

    return handle


def _after(request: Request) -> int | None:
    try:
        return int(request.query_params.get("after", "0"))
    except ValueError:
        return None


def _is_as(call: Mapping[str, object], wanted: Mapping[str, str]) -> bool:
    return all(str(call[name]) == value for name, value in wanted.items())
