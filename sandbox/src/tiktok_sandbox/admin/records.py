"""Shows what the sandbox recorded: what was posted, every call, and every secret."""

from collections.abc import Mapping
from itertools import islice
from typing import Final

from msgspec import structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model import ledger

_FILTERS: Final = {"endpoint", "open_id", "username", "client_key", "publish_id", "status", "code"}


def record_routes(context: AppContext) -> list[Route]:
    """Return the routes of the ledger, the calls and the secrets."""
    return [
        Route("/_sandbox/ledger", _ledger(context)),
        Route("/_sandbox/calls", _calls(context)),
        Route("/_sandbox/secrets", _secrets(context)),
    ]


def _ledger(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        now = context.clock.now()
        publications = tuple(context.tables.publications.values())
        return JSONResponse(
            {
                "now": now,
                "posts": ledger.posts(publications, now),
                "inits": ledger.inits(publications, context.tables.bytes_read, now),
            }
        )

    return handle


def _calls(context: AppContext) -> Handler:
    """List calls, filtered and after a number."""

    async def handle(request: Request) -> Response:
        after, filters = _after(request), {**request.query_params}
        filters.pop("after", None)
        if after is None or not set(filters) <= _FILTERS:
            may = f"Unknown or invalid filter. `after` must be a number; the others are {', '.join(sorted(_FILTERS))}."
            return JSONResponse({"error": may}, status_code=422)
        # Numbers count from the start, the list holds only the latest: translate a number into a position.
        forgotten = context.call_count - len(context.calls)
        found = islice(context.calls, max(after - forgotten, 0), None)
        return JSONResponse({"calls": [each for each in found if _matches(each, filters)]})

    return handle


def _secrets(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        after, secrets = _after(request), context.tables.grants.secrets
        if after is None or not set(request.query_params) <= {"after"}:
            return JSONResponse(
                {"error": "Unknown or invalid filter. Only `after` is allowed, and must be a number."}, status_code=422
            )
        return JSONResponse(
            {"count": secrets.count, "secrets": [structs.asdict(each) for each in secrets.after(after)]}
        )

    return handle


def _after(request: Request) -> int | None:
    try:
        return int(request.query_params.get("after", "0"))
    except ValueError:
        return None


def _matches(call: Mapping[str, object], filters: Mapping[str, str]) -> bool:
    return all(str(call[name]) == value for name, value in filters.items())
