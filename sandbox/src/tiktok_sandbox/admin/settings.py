"""Settings that may change while the stand-in runs, under `/_sandbox/settings`."""

from typing import Any

import msgspec
from msgspec import Struct, structs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model.chunk_plan import ChunkLimits
from tiktok_sandbox.model.settings import AbandonedUpload, Delays, Lifetimes, Pulls, Webhooks


class Adjustable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What may be changed; a part that is named replaces the whole part of that name."""

    lifetimes: Lifetimes | None = None
    delays: Delays | None = None
    chunk_limits: ChunkLimits | None = None
    pulls: Pulls | None = None
    webhooks: Webhooks | None = None
    oauth_errors_as_200: bool | None = None
    abandoned: AbandonedUpload | None = None
    check_media: bool | None = None


def settings_routes(context: AppContext) -> list[Route]:
    """Return the routes of `/_sandbox/settings`.

    Changes made here do not survive a restart.
    """
    return [
        Route("/_sandbox/settings", _show(context)),
        Route("/_sandbox/settings", _change(context), methods=["POST"]),
    ]


def _present(context: AppContext) -> dict[str, Any]:
    settings = context.tables.settings
    shown: dict[str, Any] = msgspec.to_builtins(
        {name: getattr(settings, name) for name in Adjustable.__struct_fields__}
    )
    return shown


def _show(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(_present(context))

    return handle


def _change(context: AppContext) -> Handler:
    """Replace the named parts of the settings."""

    async def handle(request: Request) -> Response:
        try:
            body = msgspec.json.decode(await request.body(), type=Adjustable)
        except msgspec.MsgspecError as refused:
            return JSONResponse({"error": str(refused)}, status_code=422)
        # A part that is missing keeps its value; a part that is named replaces the whole part.
        given = {name: value for name, value in structs.asdict(body).items() if value is not None}
        context.tables.settings = structs.replace(context.tables.settings, **given)
        return JSONResponse(_present(context))

    return handle
