"""Connecting an account: the link a backend shows, the way to TikTok's consent page, and the way back."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from auth_service import states
from auth_service.commands import Commands
from auth_service.oauth.oauth_state import (
    CONSENT_LIFE,
    INVITATION_LIFE,
    Invitation,
    PendingConsent,
    check_browser,
    cookie_of,
    nonce_hash,
    open_slip,
    seal_slip,
)
from auth_service.plans import NAME_SCOPE
from auth_service.tenants.apps import App
from auth_service.tokens.token_pairs import pair_of, seal_tokens, tokens_of
from common.clock import Clock, UtcDatetime
from common.contract.account import AccountDescribed, ConnectRequested, account_id_of
from common.contract.body import Body
from common.errors import NotDurable
from common.security.sealing import Vault
from tiktok.authorize import authorization_url, pkce_challenge, pkce_verifier
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import Done, NotSent, Refused, Unknown

SEEN_WITHIN_SECONDS = 5.0
"""How long a browser is kept waiting for the worker's word; usually a tenth of a second."""


class AccountsView(Protocol):
    """The whole view of accounts, as the edge holds it."""

    def get(self, key: str) -> Body | None:
        """Return the account's newest record."""

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until something about the view holds; say whether it did in time."""


class AppsOfTenants(Protocol):
    """Finds the app that a tenant's people consent to."""

    def of_tenant(self, tenant: str) -> App | None:
        """Return it; None where its secret does not open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes, and the cookie it takes along."""

    url: str
    cookie: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What TikTok's redirect brought: a code, or an error."""

    code: str = ""
    error: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """The account is connected, and that is durable. `refused` are the scopes that were asked for and not granted."""

    account_id: str
    display_name: str
    scopes: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The consent is durable; the worker has not taken it up yet."""

    account_id: str


@dataclass(frozen=True, slots=True)
class NotSaved:
    """The pair is there, but Kafka did not confirm that it is written."""

    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """TikTok sent the browser back without a code: the person said no, or TikTok did."""

    error: str
    error_type: str


@dataclass(frozen=True, slots=True)
class BelongsToAnother:
    """The account is another tenant's."""

    account_id: str


@dataclass(frozen=True, slots=True)
class AppChanged:
    """The tenant's app is another one than the consent was given to, or cannot be used."""


Landing = Landed | Accepted | NotSaved | Declined | BelongsToAnother | AppChanged | Refused | NotSent | Unknown


class Consents:
    """Takes people to TikTok and back. Remembers nothing: slips and cookies carry it all."""

    def __init__(
        self,
        *,
        apps: AppsOfTenants,
        authorize_url: str,
        redirect_uri: str,
        vault: Vault,
        commands: Commands,
        accounts: AccountsView,
        clock: Clock,
    ) -> None:
        """Take the apps, what seals slips and pairs, and the ways out: to TikTok and to the worker."""
        self._apps = apps
        self._authorize_url = authorize_url
        self._redirect_uri = redirect_uri
        self._vault = vault
        self._commands = commands
        self._accounts = accounts
        self._clock = clock

    def invite(self, tenant: str, scopes: tuple[str, ...], *, return_to: str, by: str) -> str:
        """Make the slip of a link that connects an account to this tenant."""
        expires_at = self._clock() + INVITATION_LIFE
        invited = Invitation(tenant=tenant, scopes=scopes, return_to=return_to, by=by, expires_at=expires_at)
        return seal_slip(self._vault, invited)

    def set_out(self, invitation: str) -> Departure | None:
        """Send a browser to TikTok; None where the tenant's app cannot be used.

        Raises:
            StateBroken: the invitation is not ours.
            StateExpired: its hour is over.
        """
        now = self._clock()
        invited = open_slip(self._vault, invitation, Invitation, now)
        app = self._apps.of_tenant(invited.tenant)
        if app is None:
            return None
        nonce, flow = secrets.token_urlsafe(32), secrets.token_hex(8)
        verifier = pkce_verifier(secrets.token_bytes(48)) if app.pkce else None
        pending = PendingConsent(
            tenant=invited.tenant,
            app=app.name,
            scopes=invited.scopes,
            return_to=invited.return_to,
            by=invited.by,
            flow=flow,
            nonce_hash=nonce_hash(nonce),
            verifier=verifier,
            expires_at=now + CONSENT_LIFE,
        )
        url = authorization_url(
            self._authorize_url,
            client_key=app.client_key,
            redirect_uri=self._redirect_uri,
            scopes=invited.scopes,
            state=seal_slip(self._vault, pending),
            challenge=None if verifier is None else pkce_challenge(verifier),
        )
        return Departure(url=url, cookie=cookie_of(flow), nonce=nonce)

    def recognise(self, state: str, nonce_in: Callable[[str], str | None]) -> PendingConsent:
        """Check that this browser set out with this state; `nonce_in` looks up a cookie. Raises `CallbackRefused`."""
        pending = open_slip(self._vault, state, PendingConsent, self._clock())
        check_browser(pending, nonce_in(cookie_of(pending.flow)))
        return pending

    async def come_back(self, pending: PendingConsent, answer: Answer) -> Landing:
        """Exchange the code and hand the pair to the worker. A code works once, so nothing here is repeated."""
        if answer.error or not answer.code:
            return Declined(error=answer.error or "no_code", error_type=answer.error_type)
        app = self._apps.of_tenant(pending.tenant)
        if app is None or app.name != pending.app:
            return AppChanged()
        asked_at = self._clock()
        exchanged = await app.client.exchange_code(answer.code, self._redirect_uri, pending.verifier)
        if not isinstance(exchanged, Done):
            return exchanged
        return await self._hand_over(pending, app, exchanged.value, asked_at)

    async def _hand_over(
        self, pending: PendingConsent, app: App, grant: TokenResponse, asked_at: UtcDatetime
    ) -> Landing:
        account_id = account_id_of(app.client_key, grant.open_id)
        if self._is_anothers(account_id, pending.tenant):
            return BelongsToAnother(account_id)
        sealed = seal_tokens(self._vault, tokens_of(grant), account_id=account_id, version=states.OFFERED)
        pair = pair_of(grant, sealed=sealed, version=states.OFFERED, asked_at=asked_at)
        person = await _person(app, grant)
        command = ConnectRequested(
            account_id=account_id,
            tenant=pending.tenant,
            open_id=grant.open_id,
            client_key=pending.app,
            by=pending.by,
            scopes=grant.scopes,
            display_name=person.display_name,
            username=person.username,
            avatar_url=person.avatar_url,
            sealed_grant=pair.sealed,
            granted_at=pair.granted_at,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )
        try:
            await self._commands.write(command)
        except NotDurable:
            return NotSaved(account_id)
        return await self._workers_word(command, pending)

    async def _workers_word(self, command: ConnectRequested, pending: PendingConsent) -> Landing:
        """Wait for what becomes of the consent: only the worker decides whose an account is."""
        account_id = command.account_id

        def decided() -> bool:
            described = self._accounts.get(account_id)
            if not isinstance(described, AccountDescribed) or described.consented_at is None:
                return False
            return described.tenant != pending.tenant or described.consented_at >= command.granted_at

        if not await self._accounts.until(decided, SEEN_WITHIN_SECONDS):
            return Accepted(account_id)
        if self._is_anothers(account_id, pending.tenant):
            return BelongsToAnother(account_id)
        return Landed(
            account_id=account_id,
            display_name=command.display_name,
            scopes=command.scopes,
            refused=tuple(scope for scope in pending.scopes if scope not in command.scopes),
        )

    def _is_anothers(self, account_id: str, tenant: str) -> bool:
        described = self._accounts.get(account_id)
        return isinstance(described, AccountDescribed) and described.tenant != tenant


async def _person(app: App, grant: TokenResponse) -> UserInfo:
    """Ask who it is; an account without a name is as connected as any other."""
    nobody = UserInfo(open_id=grant.open_id, display_name="", username="", avatar_url="")
    if NAME_SCOPE not in grant.scopes:
        return nobody
    match await app.client.user_info(grant.access_token, grant.scopes):
        case Done(value=person):
            return person
        case Refused() | NotSent() | Unknown():
            return nobody
