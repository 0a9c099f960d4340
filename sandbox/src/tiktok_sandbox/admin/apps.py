"""Registers and lists apps, as TikTok's developer portal would."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.admin.bodies import invalid_request, read_body
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model import apps
from tiktok_sandbox.model.settings import App


def app_routes(context: AppContext) -> list[Route]:
    """Return the routes `/_sandbox/app` and `/_sandbox/apps`."""
    return [
        Route("/_sandbox/app", _default_app(context)),
        Route("/_sandbox/apps", _list_apps(context)),
        Route("/_sandbox/apps", _save_app(context), methods=["POST"]),
    ]


def _default_app(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse(apps.describe(context.tables.apps.default))

    return handle


def _list_apps(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        return JSONResponse({"apps": [apps.describe(each) for each in context.tables.apps.all()]})

    return handle


def _save_app(context: AppContext) -> Handler:
    """Register or replace an app; 422 if the portal would reject it."""

    async def handle(request: Request) -> Response:
        app = read_body(await request.body(), App)
        if isinstance(app, Response):
            return app
        why = apps.app_error(app)
        if why:
            return invalid_request(why)
        saved = context.tables.apps.save(app)
        context.notify_change()
        return JSONResponse(apps.describe(saved), status_code=201)

    return handle
