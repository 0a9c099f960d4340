"""Connecting an account: the link a backend shows, the way to TikTok's consent page, and the way back."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from auth_service.account import OFFERED
from auth_service.errors import NotDurable
from auth_service.grants import pair_of, seal_tokens, tokens_of
from auth_service.steps import (
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
from common.events.account import AccountDescribed, ConnectRequested, account_id_of
from common.events.body import Body
from common.instants import Clock
from common.sealing import Vault
from tiktok.authorize import authorization_url, pkce_challenge, pkce_verifier
from tiktok.models import Grant, UserInfo
from tiktok.outcomes import Done, NotSent, Outcome, Refused, Unknown

NAME_SCOPE = "user.info.basic"
"""The scope that lets us ask for the display name."""


class Exchanger(Protocol):
    """What TikTok does for a person who came back."""

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> Outcome[Grant]:
        """Exchange a code, which works once, for a pair."""

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]:
        """Ask whose token it is."""


class Commands(Protocol):
    """Writes commands for the worker."""

    async def write(self, command: ConnectRequested) -> None:
        """Return when the command is durable. Raises `NotDurable`."""


class View(Protocol):
    """A whole view, as the edge holds it."""

    def get(self, account_id: str) -> Body | None:
        """Return the account's newest record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The TikTok app, as far as browsers see it."""

    authorize_url: str
    client_key: str
    redirect_uri: str
    pkce: bool


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
    """The account is connected, and that is durable."""

    account_id: str
    display_name: str
    scopes: tuple[str, ...]


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


Landing = Landed | NotSaved | Declined | BelongsToAnother | Refused | NotSent | Unknown


class Consents:
    """Takes people to TikTok and back. Remembers nothing: slips and cookies carry it all."""

    def __init__(
        self, *, app: App, vault: Vault, tiktok: Exchanger, commands: Commands, accounts: View, clock: Clock
    ) -> None:
        """Take the app, what seals slips and pairs, and the ways out: to TikTok and to the worker."""
        self._app = app
        self._vault = vault
        self._tiktok = tiktok
        self._commands = commands
        self._accounts = accounts
        self._clock = clock

    def invite(self, tenant: str, scopes: tuple[str, ...]) -> str:
        """Make the slip of a link that connects an account to this tenant."""
        expires_at = self._clock() + INVITATION_LIFE
        return seal_slip(self._vault, Invitation(tenant=tenant, scopes=scopes, expires_at=expires_at))

    def set_out(self, invitation: str) -> Departure:
        """Send a browser to TikTok. Raises `StateBroken` or `StateExpired`."""
        now = self._clock()
        invited = open_slip(self._vault, invitation, Invitation, now)
        nonce, flow = secrets.token_urlsafe(32), secrets.token_hex(8)
        verifier = pkce_verifier(secrets.token_bytes(48)) if self._app.pkce else None
        pending = PendingConsent(
            tenant=invited.tenant,
            flow=flow,
            nonce_hash=nonce_hash(nonce),
            verifier=verifier,
            expires_at=now + CONSENT_LIFE,
        )
        url = authorization_url(
            self._app.authorize_url,
            client_key=self._app.client_key,
            redirect_uri=self._app.redirect_uri,
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
        exchanged = await self._tiktok.exchange_code(answer.code, self._app.redirect_uri, pending.verifier)
        if not isinstance(exchanged, Done):
            return exchanged
        return await self._hand_over(pending.tenant, exchanged.value)

    async def _hand_over(self, tenant: str, grant: Grant) -> Landed | NotSaved | BelongsToAnother:
        granted_at = self._clock()
        account_id = account_id_of(self._app.client_key, grant.open_id)
        described = self._accounts.get(account_id)
        if isinstance(described, AccountDescribed) and described.tenant != tenant:
            return BelongsToAnother(account_id)
        sealed = seal_tokens(self._vault, tokens_of(grant), account_id=account_id, version=OFFERED)
        pair = pair_of(grant, sealed=sealed, version=OFFERED, now=granted_at)
        display_name = await self._display_name(grant)
        command = ConnectRequested(
            account_id=account_id,
            tenant=tenant,
            open_id=grant.open_id,
            scopes=grant.scopes,
            display_name=display_name,
            sealed_grant=pair.sealed,
            granted_at=pair.granted_at,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )
        try:
            await self._commands.write(command)
        except NotDurable:
            return NotSaved(account_id)
        return Landed(account_id=account_id, display_name=display_name, scopes=grant.scopes)

    async def _display_name(self, grant: Grant) -> str:
        """Ask for the name; an account without one is as connected as any other."""
        if NAME_SCOPE not in grant.scopes:
            return ""
        match await self._tiktok.user_info(grant.access_token, grant.scopes):
            case Done(value=person):
                return person.display_name
            case Refused() | NotSent() | Unknown():
                return ""
