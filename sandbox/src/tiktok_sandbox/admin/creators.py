"""Apps and people for whoever tests against the stand-in: register, describe, connect, disconnect."""

from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import Handler, Shell
from tiktok_sandbox.model import apps, creators, grants, permissions
from tiktok_sandbox.model.permissions import Removal
from tiktok_sandbox.model.settings import App, Profile

Asked = TypeVar("Asked")


class Disconnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a permission ends."""

    reason: Removal = Removal.DISCONNECTED


class TokenWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom tokens are wanted; the default app and all its scopes if neither is named."""

    username: str
    client_key: str | None = None
    scopes: tuple[str, ...] | None = None


def people_routes(shell: Shell) -> list[Route]:
    """Apps, creators and tokens under `/_sandbox/`."""
    return [
        Route("/_sandbox/app", _default_app(shell)),
        Route("/_sandbox/apps", _list_apps(shell)),
        Route("/_sandbox/apps", _save_app(shell), methods=["POST"]),
        Route("/_sandbox/creators", _list_creators(shell)),
        Route("/_sandbox/creators", _save_creator(shell), methods=["POST"]),
        Route("/_sandbox/creators/{open_id}/disconnect", _disconnect(shell), methods=["POST"]),
        Route("/_sandbox/tokens", _hand_out(shell), methods=["POST"]),
    ]


def _read(body: bytes, asked: type[Asked]) -> Asked | Response:
    try:
        return msgspec.json.decode(body, type=asked)
    except msgspec.MsgspecError as refused:
        return _refused(str(refused))


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, status_code=422)


def _default_app(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(apps.describe(shell.world.apps.default))

    return handle


def _list_apps(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse({"apps": [apps.describe(each) for each in shell.world.apps.all()]})

    return handle


def _save_app(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        app = _read(await request.body(), App)
        if isinstance(app, Response):
            return app
        why = apps.why_refused(app)
        if why:
            return _refused(why)
        saved = shell.world.apps.save(app)
        shell.changed()
        return JSONResponse(apps.describe(saved), status_code=201)

    return handle


def _client_keys(shell: Shell) -> list[str]:
    return list(shell.world.apps.rows)


def _list_creators(shell: Shell) -> Handler:
    async def handle(_: Request) -> Response:
        keys = _client_keys(shell)
        return JSONResponse({"creators": [creators.describe(each, keys) for each in shell.world.creators.all()]})

    return handle


def _save_creator(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        profile = _read(await request.body(), Profile)
        if isinstance(profile, Response):
            return profile
        saved = shell.world.creators.save(profile)
        shell.changed()
        return JSONResponse(creators.describe(saved, _client_keys(shell)), status_code=201)

    return handle


def _disconnect(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        wish = _read(await request.body() or b"{}", Disconnection)
        if isinstance(wish, Response):
            return wish
        permissions.end(shell.world, request.path_params["open_id"], wish.reason, shell.clock.now())
        shell.changed()
        return JSONResponse({})

    return handle


def _hand_out(shell: Shell) -> Handler:
    async def handle(request: Request) -> Response:
        wish = _read(await request.body(), TokenWish)
        if isinstance(wish, Response):
            return wish
        world = shell.world
        app = world.apps.default if wish.client_key is None else world.apps.get(wish.client_key)
        if app is None:
            return _refused("no such app")
        scopes = app.scopes if wish.scopes is None else wish.scopes
        if not set(scopes) <= set(app.scopes):
            return _refused("the app does not have these scopes")
        tokens = grants.hand_out(
            world.grants,
            world.ids,
            client_key=app.client_key,
            open_id=world.creators.named(wish.username, app.client_key).open_id,
            scopes=scopes,
            lifetimes=world.settings.lifetimes,
            now=shell.clock.now(),
        )
        shell.changed()
        return JSONResponse(tokens.body, status_code=201)

    return handle
