"""HTTP routes for product backends: connect accounts, show their status, disconnect them."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse

from auth_service.api_models import (
    AccountAnswer,
    AccountsAnswer,
    AccountStatus,
    ConnectAnswer,
    ConnectRequest,
    DisconnectAnswer,
)
from auth_service.browser_api import START_PATH
from auth_service.commands import Commands, demand_ready, write
from auth_service.oauth.consent import Consents
from auth_service.transitions import DISCONNECTED
from common.clock import Clock
from common.contract.account import AccountDescribed, CredentialIssued, CredentialWithdrawn, DisconnectRequested
from common.contract.body import Body
from common.contract.tenant import Scope, TenantDescribed
from common.http.api_keys import ApiKeyAuth, AuthenticateBeforeBody, Caller
from common.http.errors import Problem
from common.http.openapi import Responses, problems
from common.http.problems import Code
from common.streams import ReadOnlyView

DISCONNECTED_WITHIN_SECONDS = 10.0
"""How long `DELETE` waits for the worker before it answers 202."""

MOST_ACCOUNTS = 1_000
"""Accounts in one answer; more are fetched with `after`."""

Limit = Annotated[int, Query(ge=1, le=MOST_ACCOUNTS, description="At most so many.")]

After = Annotated[str, Query(max_length=128, description="The `next` of the answer before: only what follows it.")]

_LATER = "The wish is durable, and not fulfilled yet: TikTok, or the worker, has not got to it."

_GOING: Responses = {HTTPStatus.ACCEPTED.value: {"model": DisconnectAnswer, "description": _LATER}}


class Accounts:
    """A tenant's accounts, put together from the views of accounts and credentials."""

    def __init__(self, *, accounts: ReadOnlyView, credentials: ReadOnlyView, clock: Clock) -> None:
        """Take the two views."""
        self._accounts = accounts
        self._credentials = credentials
        self._clock = clock

    def page(self, tenant: str, *, limit: int, after: str) -> AccountsAnswer:
        """List up to `limit` of a tenant's accounts, by id, that come after one."""
        demand_ready(self._accounts, self._credentials)
        own = (body for _, body in self._accounts.all() if isinstance(body, AccountDescribed) and body.tenant == tenant)
        # Sorted by id, which never changes, so a page neither repeats nor skips an account.
        found = sorted((body for body in own if body.account_id > after), key=lambda body: body.account_id)
        return AccountsAnswer(
            accounts=[self.answer(body) for body in found[:limit]],
            next=found[limit - 1].account_id if len(found) > limit else None,
        )

    def one(self, tenant: str, account_id: str) -> AccountDescribed:
        """Return one of a tenant's accounts. Raises a `Problem` where it has no such account, whosever it is."""
        demand_ready(self._accounts, self._credentials)
        described = self._accounts.get(account_id)
        if not isinstance(described, AccountDescribed) or described.tenant != tenant:
            raise Problem(Code.UNKNOWN_ACCOUNT, f"No account `{account_id}` is connected. Connect it first.")
        return described

    def answer(self, described: AccountDescribed) -> AccountAnswer:
        """Return an account with its status."""
        return describe(described, self._credentials.get(described.account_id), self._clock())

    async def until_gone(self, account_id: str) -> bool:
        """Wait until an account is disconnected; return whether it was in time."""
        return await self._accounts.until(
            lambda: not isinstance(self._accounts.get(account_id), AccountDescribed), DISCONNECTED_WITHIN_SECONDS
        )


def account_routes(
    *,
    api_keys: ApiKeyAuth,
    consents: Consents,
    commands: Commands,
    accounts: Accounts,
    tenants: ReadOnlyView,
    public_url: str,
    clock: Clock,
) -> APIRouter:
    """Build the routes for backends. The tenant is the API key's."""
    router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=AuthenticateBeforeBody)
    Manager = Annotated[Caller, Depends(api_keys.require(Scope.ACCOUNTS_MANAGE))]  # noqa: N806 -- a type

    @router.post("/connect", responses=problems(Code.RETURN_URL_NOT_REGISTERED))
    async def connect(request: ConnectRequest, caller: Manager) -> ConnectAnswer:
        """Make a link that connects the TikTok account of the person who follows it."""
        demand_ready(tenants)
        check_return(tenants.get(caller.tenant), request.return_to)
        by = f"key:{caller.key_id}"
        query = urlencode(
            {"connect_token": consents.make_link(caller.tenant, request.scopes, return_to=request.return_to, by=by)}
        )
        return ConnectAnswer(authorization_url=f"{public_url.rstrip('/')}{START_PATH}?{query}")

    @router.get("")
    async def of_tenant(caller: Manager, limit: Limit = 100, after: After = "") -> AccountsAnswer:
        """List your accounts."""
        return accounts.page(caller.tenant, limit=limit, after=after)

    @router.get("/{account_id}", responses=problems(Code.UNKNOWN_ACCOUNT))
    async def one(account_id: str, caller: Manager) -> AccountAnswer:
        """Show an account. Poll this after sending a person to `authorization_url`."""
        return accounts.answer(accounts.one(caller.tenant, account_id))

    @router.delete("/{account_id}", responses=_GOING | problems(Code.UNKNOWN_ACCOUNT, Code.NOT_DURABLE))
    async def disconnect(account_id: str, caller: Manager) -> DisconnectAnswer:
        """Revoke the grant at TikTok and forget the account's tokens and profile. Asking again does no harm."""
        # Before the command: another tenant's account must look as if it did not exist.
        accounts.one(caller.tenant, account_id)
        by = f"key:{caller.key_id}"
        await write(commands, DisconnectRequested(account_id=account_id, tenant=caller.tenant, by=by, at=clock()))
        if await accounts.until_gone(account_id):
            return DisconnectAnswer(account_id=account_id, status="disconnected")
        going = DisconnectAnswer(account_id=account_id, status=AccountStatus.DISCONNECTING)
        return JSONResponse(going.model_dump(), status_code=HTTPStatus.ACCEPTED)  # type: ignore[return-value]  # as documented

    return router


def check_return(described: Body | None, return_to: str) -> None:
    """Accept only return URLs that the tenant has registered: anything else is an open redirect."""
    if not return_to or (isinstance(described, TenantDescribed) and return_to in described.return_urls):
        return
    raise Problem(Code.RETURN_URL_NOT_REGISTERED)


def describe(described: AccountDescribed, credential: Body | None, now: datetime) -> AccountAnswer:
    """Put the two views of an account together; no secret is in either answer."""
    answer = AccountAnswer(
        account_id=described.account_id,
        tenant=described.tenant,
        open_id=described.open_id,
        display_name=described.display_name,
        username=described.username,
        avatar_url=described.avatar_url,
        status=AccountStatus.CONNECTING,
        risk=described.risk,
        connected_at=described.consented_at,
    )
    match credential:
        case CredentialIssued(version=version, scopes=scopes, expires_at=expires_at):
            # Auth publishes nothing when a token merely ends, so the edge compares the time.
            status = AccountStatus.CONNECTED if now < expires_at else AccountStatus.EXPIRED
            known = {"status": status, "version": version, "scopes": scopes, "access_expires_at": expires_at}
        case CredentialWithdrawn(version=version, reason=reason):
            status = AccountStatus.DISCONNECTING if reason == DISCONNECTED else AccountStatus.REAUTHORIZATION_REQUIRED
            known = {"status": status, "version": version, "reason": reason, "risk": None}
        case _:
            known = {}
    return answer.model_copy(update=known)
