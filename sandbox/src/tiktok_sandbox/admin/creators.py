"""Creates creators, connects them without a consent page, and disconnects them."""

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.admin.bodies import invalid_request, read_body
from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.model import creators, grants, permissions
from tiktok_sandbox.model.permissions import RemovalReason
from tiktok_sandbox.model.settings import Profile


class Disconnection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reason for which a permission ends."""

    reason: RemovalReason = RemovalReason.DISCONNECTED


class TokenRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose tokens are requested; by default for the default app and all its scopes."""

    username: str
    client_key: str | None = None
    scopes: tuple[str, ...] | None = None


def creator_routes(context: AppContext) -> list[Route]:
    """Return the routes of creators and tokens."""
    return [
        Route("/_sandbox/creators", _list_creators(context)),
        Route("/_sandbox/creators", _save_creator(context), methods=["POST"]),
        Route("/_sandbox/creators/{open_id}/disconnect", _disconnect(context), methods=["POST"]),
        Route("/_sandbox/tokens", _issue_tokens(context), methods=["POST"]),
    ]


def _client_keys(context: AppContext) -> list[str]:
    return list(context.tables.apps.rows)


def _list_creators(context: AppContext) -> Handler:
    async def handle(_: Request) -> Response:
        keys = _client_keys(context)
        return JSONResponse({"creators": [creators.describe(each, keys) for each in context.tables.creators.all()]})

    return handle


def _save_creator(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        profile = read_body(await request.body(), Profile)
        if isinstance(profile, Response):
            return profile
        saved = context.tables.creators.save(profile)
        context.notify_change()
        return JSONResponse(creators.describe(saved, _client_keys(context)), status_code=201)

    return handle


def _disconnect(context: AppContext) -> Handler:
    """End one app's permission, as its person would in TikTok's settings."""

    async def handle(request: Request) -> Response:
        # An empty body is the common case: the person disconnects the app.
        body = read_body(await request.body() or b"{}", Disconnection)
        if isinstance(body, Response):
            return body
        permissions.end_permission(context.tables, request.path_params["open_id"], body.reason, context.clock.now())
        context.notify_change()
        return JSONResponse({})

    return handle


def _issue_tokens(context: AppContext) -> Handler:
    """Create tokens for a person, who is created if unknown."""

    async def handle(request: Request) -> Response:
        body = read_body(await request.body(), TokenRequest)
        if isinstance(body, Response):
            return body
        tables = context.tables
        app = tables.apps.default if body.client_key is None else tables.apps.get(body.client_key)
        if app is None:
            return invalid_request(f"There is no such app: {body.client_key}. Register it first.")
        scopes = app.scopes if body.scopes is None else body.scopes
        if not set(scopes) <= set(app.scopes):
            return invalid_request(
                f"The app does not have these scopes: {', '.join(sorted(set(scopes) - set(app.scopes)))}."
            )
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
