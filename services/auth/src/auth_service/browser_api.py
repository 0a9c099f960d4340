"""Auth's HTTP edge for people's browsers: the way to TikTok's consent page, and the way back."""

from http import HTTPStatus
from typing import Protocol

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from auth_service import metrics
from auth_service.errors import CallbackRefused
from auth_service.oauth.consent import Answer, Consents
from auth_service.oauth.oauth_state import CONSENT_LIFE
from auth_service.oauth.pages import (
    AT_CALLBACK,
    AT_START,
    HEADERS,
    Page,
    app_unusable,
    leading_to,
    page_of,
    page_of_refusal,
)
from common.http.errors import Problem
from common.http.openapi import problems, redirect
from common.http.problems import Code

START_PATH = "/v1/oauth/start"

CALLBACK_PATH = "/v1/oauth/callback"

_log = structlog.get_logger()


class Readable(Protocol):
    """A view that may not be whole yet."""

    @property
    def ready(self) -> bool:
        """Whether it has been read to its end and is not far behind."""


def browser_routes(*, consents: Consents, views: tuple[Readable, ...], secure: bool) -> APIRouter:
    """Build the routes for people. `secure` cookies travel over https alone."""
    router = APIRouter(tags=["browser"])
    _add_start(router, consents, views, secure=secure)
    _add_callback(router, consents, views, secure=secure)
    return router


def _add_start(router: APIRouter, consents: Consents, views: tuple[Readable, ...], *, secure: bool) -> None:
    @router.get(
        START_PATH,
        status_code=HTTPStatus.FOUND,
        response_class=RedirectResponse,
        responses=redirect("TikTok's page of consent.") | problems(Code.NOT_READY, pages=AT_START),
    )
    async def start(ticket: str = "") -> Response:
        """Bind this browser to a consent and send it to TikTok."""
        _demand_ready(views)
        try:
            departure = consents.set_out(ticket)
        except CallbackRefused as refusal:
            return _show(page_of_refusal(refusal))
        if departure is None:
            return _show(app_unusable())
        response = RedirectResponse(departure.url, status_code=HTTPStatus.FOUND, headers=HEADERS)
        response.set_cookie(
            departure.cookie,
            departure.nonce,
            max_age=int(CONSENT_LIFE.total_seconds()),
            path=CALLBACK_PATH,
            secure=secure,
            httponly=True,
            samesite="lax",
        )
        return response


def _add_callback(router: APIRouter, consents: Consents, views: tuple[Readable, ...], *, secure: bool) -> None:
    @router.get(CALLBACK_PATH, response_class=HTMLResponse, responses=problems(Code.NOT_READY, pages=AT_CALLBACK))
    async def callback(
        request: Request, state: str = "", code: str = "", error: str = "", error_type: str = ""
    ) -> Response:
        """Take a browser back from TikTok. Its cookie is used up by this, so that a replay proves nothing."""
        # A tenant's claim can only be checked against a whole view, and a code only be spent once.
        _demand_ready(views)
        used: list[str] = []

        def nonce_in(cookie: str) -> str | None:
            used.append(cookie)
            return request.cookies.get(cookie)

        try:
            pending = consents.recognise(state, nonce_in)
        except CallbackRefused as refusal:
            return _show(page_of_refusal(refusal))
        landing = await consents.come_back(pending, Answer(code=code, error=error, error_type=error_type))
        response = _show(leading_to(page_of(landing), pending.return_to))
        for cookie in used:
            response.delete_cookie(cookie, path=CALLBACK_PATH, secure=secure, httponly=True, samesite="lax")
        return response


def _demand_ready(views: tuple[Readable, ...]) -> None:
    if not all(view.ready for view in views):
        raise Problem(Code.NOT_READY)


def _show(page: Page) -> HTMLResponse:
    metrics.CONSENTS.labels(page.result).inc()
    _log.info("consent_ended", result=page.result)
    return HTMLResponse(page.html(), status_code=page.status, headers=HEADERS)
