"""Shows and moves the clock."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.runtime import clock

MAX_FACTOR: Final = 1_000_000.0


class ClockChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of the pace, a step forward, or both."""

    seconds: Annotated[float, Meta(ge=0)] = 0.0
    factor: Annotated[float, Meta(gt=0, le=MAX_FACTOR)] | None = None
    manual: bool | None = None


def clock_routes(context: AppContext) -> list[Route]:
    """Return the routes of `/_sandbox/clock`."""
    return [
        Route("/_sandbox/clock", _show(context)),
        Route("/_sandbox/clock", _change(context), methods=["POST"]),
    ]


def _show(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(clock.describe(context.clock))

    return handle


def _change(context: AppContext) -> Handler:
    """Change the pace, then step forward; return the clock."""

    async def handle(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=ClockChange)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        if body.factor is not None or body.manual is not None:
            # A request with a factor wants time to pass, unless it also says `manual`.
            context.clock.change_pace(factor=body.factor, manual=bool(body.manual))
        # After the change of pace, so that `manual` with `seconds` stops at exactly that time.
        if body.seconds:
            context.clock.advance(body.seconds)
        context.notify_change()
        return JSONResponse(clock.describe(context.clock))

    return handle
