"""Apps and people for whoever tests against the stand-in: register, describe, connect, disconnect."""

from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model import apps, creators, grants, permissions
from tiktok_sandbox.model.permissions import RemovalReason
from tiktok_sandbox.model.settings import App, Profile

Body = TypeVar("Body")


class Disconnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a permission ends."""

    reason: RemovalReason = RemovalReason.DISCONNECTED


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom tokens are wanted; the default app and all its scopes if neither is named."""

    username: str
    client_key: str | None = None
    scopes: tuple[str, ...] | None = None


def creator_routes(context: AppContext) -> list[Route]:
    """Apps, creators and tokens under `/_sandbox/`."""
    return [
        Route("/_sandbox/app", _default_app(context)),
        Route("/_sandbox/apps", _list_apps(context)),
        Route("/_sandbox/apps", _save_app(context), methods=["POST"]),
        Route("/_sandbox/creators", _list_creators(context)),
        Route("/_sandbox/creators", _save_creator(context), methods=["POST"]),
        Route("/_sandbox/creators/{open_id}/disconnect", _disconnect(context), methods=["POST"]),
        Route("/_sandbox/tokens", _issue_tokens(context), methods=["POST"]),
    ]


def _read(body: bytes, body_type: type[Body]) -> Body | Response:
    try:
        return msgspec.json.decode(body, type=body_type)
    except msgspec.MsgspecError as refused:
        return _refused(str(refused))


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, status_code=422)


def _default_app(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(apps.describe(context.tables.apps.default))

    return handle


def _list_apps(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse({"apps": [apps.describe(each) for each in context.tables.apps.all()]})

    return handle


def _save_app(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        app = _read(await request.body(), App)
        if isinstance(app, Response):
            return app
        why = apps.app_error(app)
        if why:
            return _refused(why)
        saved = context.tables.apps.save(app)
        context.notify_change()
        return JSONResponse(apps.describe(saved), status_code=201)

    return handle


def _client_keys(context: AppContext) -> list[str]:
    return list(context.tables.apps.rows)


def _list_creators(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        keys = _client_keys(context)
        return JSONResponse({"creators": [creators.describe(each, keys) for each in context.tables.creators.all()]})

    return handle


def _save_creator(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        profile = _read(await request.body(), Profile)
        if isinstance(profile, Response):
            return profile
        saved = context.tables.creators.save(profile)
        context.notify_change()
        return JSONResponse(creators.describe(saved, _client_keys(context)), status_code=201)

    return handle


def _disconnect(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        body = _read(await request.body() or b"{}", Disconnection)
        if isinstance(body, Response):
            return body
        permissions.end_permission(context.tables, request.path_params["open_id"], body.reason, context.clock.now())
        context.notify_change()
        return JSONResponse({})

    return handle


def _issue_tokens(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        body = _read(await request.body(), TokenRequest)
        if isinstance(body, Response):
            return body
        tables = context.tables
        app = tables.apps.default if body.client_key is None else tables.apps.get(body.client_key)
        if app is None:
            return _refused("no such app")
        scopes = app.scopes if body.scopes is None else body.scopes
        if not set(scopes) <= set(app.scopes):
            return _refused("the app does not have these scopes")
        tokens = grants.issue_without_consent(
            tables.grants,
            tables.ids,
            client_key=app.client_key,
            open_id=tables.creators.get_or_create(body.username, app.client_key).open_id,
            scopes=scopes,
            lifetimes=tables.settings.lifetimes,
            now=context.clock.now(),
        )
        context.notify_change()
        return JSONResponse(tokens.body, status_code=201)

    return handle
