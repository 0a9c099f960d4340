"""Auth's HTTP edge: connect an account by OAuth, and ask how an account is."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from auth_service import metrics
from auth_service.consent import Answer, Consents
from auth_service.errors import CallbackRefused
from auth_service.pages import HEADERS, Page, page_of, page_of_refusal
from auth_service.steps import CONSENT_LIFE
from common.events.account import AccountDescribed, CredentialIssued, CredentialWithdrawn
from common.events.body import Body
from common.http_problems import Problem
from common.instants import Clock

DEFAULT_SCOPES = ("user.info.basic", "video.publish", "video.upload", "video.list")
START_PATH = "/v1/oauth/start"
CALLBACK_PATH = "/v1/oauth/callback"

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:\-]+$")]
Scope = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z.]+$")]

_log = structlog.get_logger()


class WholeAccountsView(Protocol):
    """A whole compacted topic, in memory."""

    @property
    def ready(self) -> bool:
        """Whether it has been read to its end and is not far behind."""

    def get(self, account_id: str) -> Body | None:
        """Return the account's newest record."""

    def all(self) -> Iterable[tuple[str, Body]]:
        """Go through every account's newest record."""


class ConnectRequest(BaseModel):
    """For whom to connect an account, and what to ask the person for."""

    tenant: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=16)] = DEFAULT_SCOPES


class ConnectAnswer(BaseModel):
    """Where to send the person's browser; good for an hour."""

    authorization_url: str


class AccountStatus(StrEnum):
    """How an account is."""

    CONNECTED = "connected"
    CONNECTING = "connecting"
    EXPIRED = "access_expired"
    NEEDS_PERSON = "reauthorization_required"


class AccountAnswer(BaseModel):
    """An account as its tenant may see it. `version` counts its credentials."""

    account_id: str
    tenant: str
    open_id: str
    display_name: str
    status: AccountStatus
    scopes: tuple[str, ...] = ()
    version: int | None = None
    access_expires_at: datetime | None = None
    reason: str | None = None


class AccountsAnswer(BaseModel):
    """A tenant's accounts, by id."""

    accounts: list[AccountAnswer]


def account_routes(
    *, consents: Consents, accounts: WholeAccountsView, credentials: WholeAccountsView, public_url: str, clock: Clock
) -> APIRouter:
    """Build the routes for backends."""
    router = APIRouter(prefix="/v1/accounts", tags=["accounts"])

    def answer(described: AccountDescribed) -> AccountAnswer:
        return describe(described, credentials.get(described.account_id), clock())

    @router.post("/connect")
    async def connect(request: ConnectRequest) -> ConnectAnswer:
        """Make a link that connects the TikTok account of whoever follows it."""
        query = urlencode({"ticket": consents.invite(request.tenant, request.scopes)})
        return ConnectAnswer(authorization_url=f"{public_url.rstrip('/')}{START_PATH}?{query}")

    @router.get("")
    async def of_tenant(tenant: Annotated[Name, Query()]) -> AccountsAnswer:
        """List a tenant's accounts."""
        _demand_ready(accounts, credentials)
        described = (body for _, body in accounts.all() if isinstance(body, AccountDescribed) and body.tenant == tenant)
        return AccountsAnswer(accounts=[answer(body) for body in sorted(described, key=lambda body: body.account_id)])

    @router.get("/{account_id}")
    async def one(account_id: str) -> AccountAnswer:
        """Tell how an account is; poll this after sending a person to `authorization_url`."""
        _demand_ready(accounts, credentials)
        described = accounts.get(account_id)
        if not isinstance(described, AccountDescribed):
            raise Problem(status=404, code="unknown_account", detail=f"no account `{account_id}` is connected")
        return answer(described)

    return router


def browser_routes(*, consents: Consents, accounts: WholeAccountsView, secure: bool) -> APIRouter:
    """Build the routes for people. `secure` cookies travel over https alone."""
    router = APIRouter(tags=["browser"])

    @router.get(START_PATH)
    async def start(ticket: str = "") -> Response:
        """Bind this browser to a consent and send it to TikTok."""
        try:
            departure = consents.set_out(ticket)
        except CallbackRefused as refusal:
            return _show(page_of_refusal(refusal))
        response = RedirectResponse(departure.url, status_code=302, headers=HEADERS)
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

    @router.get(CALLBACK_PATH)
    async def callback(
        request: Request, state: str = "", code: str = "", error: str = "", error_type: str = ""
    ) -> Response:
        """Take a browser back from TikTok. Its cookie is used up by this, so that a replay proves nothing."""
        # A tenant's claim can only be checked against a whole view, and a code only be spent once.
        _demand_ready(accounts)
        used: list[str] = []

        def nonce_in(cookie: str) -> str | None:
            used.append(cookie)
            return request.cookies.get(cookie)

        try:
            pending = consents.recognise(state, nonce_in)
        except CallbackRefused as refusal:
            return _show(page_of_refusal(refusal))
        page = page_of(await consents.come_back(pending, Answer(code=code, error=error, error_type=error_type)))
        response = _show(page)
        for cookie in used:
            response.delete_cookie(cookie, path=CALLBACK_PATH, secure=secure, httponly=True, samesite="lax")
        return response

    return router


def describe(described: AccountDescribed, credential: Body | None, now: datetime) -> AccountAnswer:
    """Put the two views of an account together; no secret is in either answer."""
    answer = AccountAnswer(
        account_id=described.account_id,
        tenant=described.tenant,
        open_id=described.open_id,
        display_name=described.display_name,
        status=AccountStatus.CONNECTING,
    )
    match credential:
        case CredentialIssued(version=version, scopes=scopes, expires_at=expires_at):
            status = AccountStatus.CONNECTED if now < expires_at else AccountStatus.EXPIRED
            known = {"status": status, "version": version, "scopes": scopes, "access_expires_at": expires_at}
        case CredentialWithdrawn(version=version, reason=reason):
            known = {"status": AccountStatus.NEEDS_PERSON, "version": version, "reason": reason}
        case _:
            known = {}
    return answer.model_copy(update=known)


def _demand_ready(*views: WholeAccountsView) -> None:
    if not all(view.ready for view in views):
        raise Problem(status=503, code="starting", detail="the view of accounts is still being read; try again shortly")


def _show(page: Page) -> HTMLResponse:
    metrics.CONSENTS.labels(page.result).inc()
    _log.info("consent_ended", result=page.result)
    return HTMLResponse(page.html(), status_code=page.status, headers=HEADERS)
