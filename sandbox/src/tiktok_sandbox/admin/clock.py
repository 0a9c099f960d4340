"""The clock, for whoever tests against the stand-in."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.runtime import clock

FASTEST: Final = 1_000_000.0


class ClockWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How time shall go on, and how far it shall move at once."""

    seconds: Annotated[float, Meta(ge=0)] = 0.0
    factor: Annotated[float, Meta(gt=0, le=FASTEST)] | None = None
    manual: bool | None = None


def clock_routes(shell: Shell) -> list[Route]:
    """`/_sandbox/clock`."""
    return [
        Route("/_sandbox/clock", _show(shell)),
        Route("/_sandbox/clock", _change(shell), methods=["POST"]),
    ]


def _show(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(clock.describe(shell.clock))

    return handle


def _change(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            wish = msgspec.json.decode(await request.body(), type=ClockWish)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        if wish.factor is not None or wish.manual is not None:
            # Who names a pace wants time to pass, unless the wish says otherwise.
            shell.clock.change_pace(factor=wish.factor, manual=bool(wish.manual))
        if wish.seconds:
            shell.clock.advance(wish.seconds)
        shell.changed()
        return JSONResponse(clock.describe(shell.clock))

    return handle
