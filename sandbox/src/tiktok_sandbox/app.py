"""TikTok's HTTP surface: the API, the token endpoint and the upload host."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.admin.clock import clock_routes
from tiktok_sandbox.admin.creators import people_routes
from tiktok_sandbox.admin.media_playback import media_routes
from tiktok_sandbox.admin.publications import publication_routes
from tiktok_sandbox.admin.records import admin_routes
from tiktok_sandbox.admin.rules import rule_routes
from tiktok_sandbox.admin.same_origin import SameSite
from tiktok_sandbox.admin.settings import settings_routes
from tiktok_sandbox.admin.webhooks import webhook_routes
from tiktok_sandbox.api.api_call import visit_of
from tiktok_sandbox.api.routes import tiktok_routes
from tiktok_sandbox.api.url_downloads import Puller
from tiktok_sandbox.api.webhook_sender import Webhooks
from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.errors import AnswerLost, NeverAnswered
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.faults.broken_responses import Cut, Silence
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.pages.dashboard import page_routes
from tiktok_sandbox.pages.public_pages import sight_routes

ExceptionHandler = Callable[[Request, Exception], Awaitable[Response]]


def build_app(shell: Shell) -> Starlette:
    """Everything the stand-in serves, on one port."""
    shell.world.rules.begin(shell.world.settings.rules, shell.clock.now())
    puller = Puller(shell)
    shell.after_change.append(puller.start)
    shell.before_end.append(puller.close)
    webhooks = Webhooks(shell)
    shell.after_change.append(webhooks.look)
    shell.before_end.append(webhooks.close)
    return Starlette(
        routes=[
            *tiktok_routes(shell),
            *sight_routes(shell),
            *media_routes(shell),
            *page_routes(shell),
            *admin_routes(shell),
            *rule_routes(shell),
            *clock_routes(shell),
            *webhook_routes(shell),
            *people_routes(shell),
            *publication_routes(shell),
            *settings_routes(shell),
        ],
        exception_handlers={AnswerLost: _cut, NeverAnswered: _keep_silent(shell), HTTPException: _unknown(shell)},
        middleware=[Middleware(SameSite)],
    )


async def _cut(request: Request, lost: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
    return Cut()


def _keep_silent(shell: Shell) -> ExceptionHandler:
    async def handle(request: Request, never: Exception) -> Response:  # noqa: ARG001 -- Starlette passes both
        return Silence(shell.holds, getattr(never, "rule_id", ""))

    return handle


def _unknown(shell: Shell) -> ExceptionHandler:
    """Nothing is at that address, or not for that method; it was called all the same."""

    async def handle(request: Request, refused: Exception) -> Response:
        status, headers = getattr(refused, "status_code", 500), getattr(refused, "headers", None)
        if not request.url.path.startswith("/_sandbox/"):
            visit_of(shell, Endpoint.UNKNOWN, Subject(), request).record(status, "nothing_here")
        return Response(status_code=status, headers=headers)

    return handle
