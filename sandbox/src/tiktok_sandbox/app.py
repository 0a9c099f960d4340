"""Puts everything on one port: TikTok's API, the admin API and the web pages."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.admin.apps import app_routes
from tiktok_sandbox.admin.clock import clock_routes
from tiktok_sandbox.admin.creators import creator_routes
from tiktok_sandbox.admin.media_playback import media_routes
from tiktok_sandbox.admin.publications import publication_routes
from tiktok_sandbox.admin.records import record_routes
from tiktok_sandbox.admin.rules import rule_routes
from tiktok_sandbox.admin.same_origin import SameOriginGuard
from tiktok_sandbox.admin.settings import settings_routes
from tiktok_sandbox.admin.webhooks import webhook_routes
from tiktok_sandbox.api.api_call import call_of_request
from tiktok_sandbox.api.routes import tiktok_routes
from tiktok_sandbox.api.url_downloads import Downloader
from tiktok_sandbox.api.webhook_sender import WebhookSender
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.errors import AnswerLost, NeverAnswered
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.faults.broken_responses import ConnectionClosed, NoResponse
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.pages.dashboard import dashboard_routes
from tiktok_sandbox.pages.public_pages import public_page_routes

ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]


def build_app(context: AppContext) -> Starlette:
    """Return the ASGI application.

    Also connects downloads and the webhook sender to changes of the tables.
    """
    # Here and not in Tables: with saved state the rules are restored before this.
    context.tables.rules.add_initial(context.tables.settings.rules, context.clock.now())
    puller = Downloader(context)
    context.on_change.append(puller.update)
    context.on_close.append(puller.close)
    webhooks = WebhookSender(context)
    context.on_change.append(webhooks.send_due)
    context.on_close.append(webhooks.close)
    return Starlette(
        routes=[
            *tiktok_routes(context),
            *public_page_routes(context),
            *media_routes(context),
            *dashboard_routes(context),
            *record_routes(context),
            *rule_routes(context),
            *clock_routes(context),
            *webhook_routes(context),
            *app_routes(context),
            *creator_routes(context),
            *publication_routes(context),
            *settings_routes(context),
        ],
        exception_handlers={
            AnswerLost: _close_connection,
            NeverAnswered: _never_answer(context),
            HTTPException: _not_found(context),
        },
        middleware=[Middleware(SameOriginGuard)],
    )


async def _close_connection(request: Request, lost: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
    return ConnectionClosed()


def _never_answer(context: AppContext) -> ExceptionHandler:
    async def handle(request: Request, never: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
        return NoResponse(context.breakpoints, getattr(never, "rule_id", ""))

    return handle


def _not_found(context: AppContext) -> ExceptionHandler:
    """Answer an unknown address or method, and record the call.

    A client's wrong address can then be found in the list of calls.
    """

    async def handle(request: Request, refused: Exception) -> Response:
        status, headers = getattr(refused, "status_code", 500), getattr(refused, "headers", None)
        if not request.url.path.startswith("/_sandbox/"):
            call_of_request(context, Endpoint.UNKNOWN, Subject(), request).record(status, "nothing_here")
        return Response(status_code=status, headers=headers)

    return handle
