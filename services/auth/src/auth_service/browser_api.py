"""HTTP routes for people's browsers: the redirect to TikTok's consent page, and the callback."""

from http import HTTPStatus

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from auth_service import metrics
from auth_service.commands import demand_ready
from auth_service.errors import CallbackRefused
from auth_service.oauth.consent import Callback, Consents
from auth_service.oauth.oauth_state import CONSENT_LIFETIME
from auth_service.oauth.pages import (
    AT_CALLBACK,
    AT_START,
    HEADERS,
    Page,
    app_unusable,
    page_for,
    page_for_refusal,
    with_return,
)
from common.http.openapi import problems, redirect
from common.http.problems import Code
from common.streams import ReadOnlyView

START_PATH = "/v1/oauth/start"

CALLBACK_PATH = "/v1/oauth/callback"
"""The path of `TIKTOK_REDIRECT_URI`, as registered with TikTok."""

_log = structlog.get_logger()


def browser_routes(*, consents: Consents, views: tuple[ReadOnlyView, ...], secure: bool) -> APIRouter:
    """Build the routes for people. `secure` cookies travel over https only."""
    router = APIRouter(tags=["browser"])
    _add_start(router, consents, views, secure=secure)
    _add_callback(router, consents, views, secure=secure)
    return router


def _add_start(router: APIRouter, consents: Consents, views: tuple[ReadOnlyView, ...], *, secure: bool) -> None:
    """Add the route that sends a person to TikTok's consent page."""

    @router.get(
        START_PATH,
        status_code=HTTPStatus.FOUND,
        response_class=RedirectResponse,
        responses=redirect("TikTok's page of consent.") | problems(Code.NOT_READY, pages=AT_START),
    )
    async def start(connect_token: str = "") -> Response:
        """Bind this browser to a consent and send it to TikTok."""
        demand_ready(*views)
        try:
            target = consents.start(connect_token)
        except CallbackRefused as refusal:
            return _show(page_for_refusal(refusal))
        if target is None:
            return _show(app_unusable())
        response = RedirectResponse(target.url, status_code=HTTPStatus.FOUND, headers=HEADERS)
        # `lax`, not `strict`: the cookie has to come back when TikTok's page redirects here.
        response.set_cookie(
            target.cookie,
            target.nonce,
            max_age=int(CONSENT_LIFETIME.total_seconds()),
            path=CALLBACK_PATH,
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        return response


def _add_callback(router: APIRouter, consents: Consents, views: tuple[ReadOnlyView, ...], *, secure: bool) -> None:
    """Add the route that TikTok sends the person back to."""

    @router.get(CALLBACK_PATH, response_class=HTMLResponse, responses=problems(Code.NOT_READY, pages=AT_CALLBACK))
    async def callback(
        request: Request, state: str = "", code: str = "", error: str = "", error_type: str = ""
    ) -> Response:
        """Complete the consent of a browser that TikTok sent back. A replay fails: the cookie is deleted."""
        # Before the code is exchanged, which works once: an incomplete view may not show the account's owner.
        demand_ready(*views)
        used: list[str] = []

        def nonce_in(cookie: str) -> str | None:
            used.append(cookie)
            return request.cookies.get(cookie)

        try:
            pending = consents.verify(state, nonce_in)
        except CallbackRefused as refusal:
            return _show(page_for_refusal(refusal))
        result = await consents.complete(pending, Callback(code=code, error=error, error_type=error_type))
        response = _show(with_return(page_for(result), pending.return_to))
        # Only cookies of a verified state: another tab's consent keeps its own.
        for cookie in used:
            response.delete_cookie(cookie, path=CALLBACK_PATH, secure=secure, httponly=True, samesite="lax")
        return response


def _show(page: Page) -> HTMLResponse:
    """Render a page and count its result."""
    metrics.CONSENTS.labels(page.result).inc()
    _log.info("consent_ended", result=page.result)
    return HTMLResponse(page.html(), status_code=page.status, headers=HEADERS)
