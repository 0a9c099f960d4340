"""Connects an account by OAuth: the link, TikTok's consent page, and the callback."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from auth_service.commands import Commands
from auth_service.oauth.oauth_state import (
    CONSENT_LIFETIME,
    LINK_LIFETIME,
    ConnectLink,
    PendingConsent,
    check_browser,
    cookie_of,
    nonce_hash,
    open_state,
    seal_state,
)
from auth_service.plans import NAME_SCOPE
from auth_service.states import UNNUMBERED
from auth_service.tenants.apps import App, Apps
from auth_service.tokens.token_pairs import seal_pair
from common.clock import Clock, UtcDatetime
from common.contract.account import AccountDescribed, ConnectRequested, account_id_of
from common.errors import NotDurable
from common.security.sealing import Vault
from common.streams import ReadOnlyView
from tiktok.authorize import authorization_url, pkce_challenge, pkce_verifier
from tiktok.models import TokenResponse, UserInfo
from tiktok.results import Done, NotSent, Refused, Unknown

DECISION_TIMEOUT_SECONDS: Final = 5.0
"""How long a browser waits for the worker's decision. It usually takes a tenth of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The address of TikTok's consent page, and the cookie that the browser takes along."""

    url: str
    cookie: str
    nonce: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What TikTok's redirect brought in the query: a code, or an error."""

    code: str = ""
    error: str = ""
    error_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The account is connected, and that is durable. `refused` are the requested scopes that were not granted."""

    account_id: str
    display_name: str
    scopes: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The consent is durable. The worker has not decided yet."""

    account_id: str


@dataclass(frozen=True, slots=True)
class NotSaved:
    """TikTok gave a pair, but Kafka did not confirm that it is written."""

    account_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """TikTok sent the browser back without a code: the person refused, or TikTok did."""

    error: str
    error_type: str


@dataclass(frozen=True, slots=True)
class OtherTenant:
    """The account belongs to another tenant."""

    account_id: str


@dataclass(frozen=True, slots=True)
class AppChanged:
    """The tenant's app is not the one that the person consented to, or its secret cannot be opened."""


ConsentResult = Completed | Accepted | NotSaved | Declined | OtherTenant | AppChanged | Refused | NotSent | Unknown


class Consents:
    """Takes people to TikTok and back.

    Stores nothing: the sealed link, OAuth's `state` and a cookie hold everything, so any process may take the callback.
    """

    def __init__(
        self,
        *,
        apps: Apps,
        authorize_url: str,
        redirect_uri: str,
        vault: Vault,
        commands: Commands,
        accounts: ReadOnlyView,
        clock: Clock,
    ) -> None:
        """Take the apps, the vault, TikTok's and our own address, and the exchange with the worker."""
        self._apps = apps
        self._authorize_url = authorize_url
        self._redirect_uri = redirect_uri
        self._vault = vault
        self._commands = commands
        self._accounts = accounts
        self._clock = clock

    def make_link(self, tenant: str, scopes: tuple[str, ...], *, return_to: str, by: str) -> str:
        """Return the `connect_token` of a link that connects an account to this tenant."""
        expires_at = self._clock() + LINK_LIFETIME
        link = ConnectLink(tenant=tenant, scopes=scopes, return_to=return_to, by=by, expires_at=expires_at)
        return seal_state(self._vault, link)

    def start(self, connect_token: str) -> Redirect | None:
        """Send a browser to TikTok; None if the tenant's app cannot be used.

        Raises:
            StateBroken: the link is not ours.
            StateExpired: the link is too old.
        """
        now = self._clock()
        link = open_state(self._vault, connect_token, ConnectLink, now)
        app = self._apps.of_tenant(link.tenant)
        if app is None:
            return None
        # The nonce proves the browser and is secret. The flow only names its cookie, so it may be short.
        nonce, flow = secrets.token_urlsafe(32), secrets.token_hex(8)
        verifier = pkce_verifier(secrets.token_bytes(48)) if app.pkce else None
        pending = PendingConsent(
            tenant=link.tenant,
            app=app.recorded_key,
            scopes=link.scopes,
            return_to=link.return_to,
            by=link.by,
            flow=flow,
            nonce_hash=nonce_hash(nonce),
            verifier=verifier,
            expires_at=now + CONSENT_LIFETIME,
        )
        url = authorization_url(
            self._authorize_url,
            client_key=app.client_key,
            redirect_uri=self._redirect_uri,
            scopes=link.scopes,
            state=seal_state(self._vault, pending),
            challenge=None if verifier is None else pkce_challenge(verifier),
        )
        return Redirect(url=url, cookie=cookie_of(flow), nonce=nonce)

    def verify(self, state: str, nonce_in: Callable[[str], str | None]) -> PendingConsent:
        """Check that this browser started with this state. `nonce_in` looks a cookie up. Raises `CallbackRefused`."""
        pending = open_state(self._vault, state, PendingConsent, self._clock())
        check_browser(pending, nonce_in(cookie_of(pending.flow)))
        return pending

    async def complete(self, pending: PendingConsent, callback: Callback) -> ConsentResult:
        """Exchange the code and hand the pair to the worker. A code works once, so nothing here is repeated."""
        # Before the app is looked up: without a code there is nothing to exchange.
        if callback.error or not callback.code:
            return Declined(error=callback.error or "no_code", error_type=callback.error_type)
        app = self._apps.of_tenant(pending.tenant)
        # A code can be exchanged only by the app that it was issued to.
        if app is None or app.recorded_key != pending.app:
            return AppChanged()
        # Before the call: TikTok gives remaining seconds. Counted from the answer, a token would seem to live too long.
        requested_at = self._clock()
        exchanged = await app.client.exchange_code(callback.code, self._redirect_uri, pending.verifier)
        if not isinstance(exchanged, Done):
            return exchanged
        return await self._request_connection(pending, app, exchanged.value, requested_at)

    async def _request_connection(
        self, pending: PendingConsent, app: App, response: TokenResponse, requested_at: UtcDatetime
    ) -> ConsentResult:
        """Seal TikTok's pair, write it as a command, and wait for the worker's decision.

        `requested_at` is the time before the exchange, from which the lifetimes count.
        """
        account_id = account_id_of(app.client_key, response.open_id)
        # An early answer only: the worker checks again, because this view may be behind.
        if self._belongs_to_other_tenant(account_id, pending.tenant):
            return OtherTenant(account_id)
        # Sealed before it leaves this process. The worker seals it again when it knows the account's version.
        pair = seal_pair(self._vault, response, account_id=account_id, version=UNNUMBERED, requested_at=requested_at)
        # Fetched here because the token is at hand in the clear. The page can then greet the person by name.
        person = await _fetch_profile(app, response)
        command = ConnectRequested(
            account_id=account_id,
            tenant=pending.tenant,
            open_id=response.open_id,
            client_key=pending.app,
            by=pending.by,
            scopes=response.scopes,
            display_name=person.display_name,
            username=person.username,
            avatar_url=person.avatar_url,
            sealed_tokens=pair.sealed,
            granted_at=pair.granted_at,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )
        try:
            # Kafka first, the page second: after a crash in between, the pair is not lost.
            await self._commands.write(command)
        except NotDurable:
            return NotSaved(account_id)
        return await self._wait_for_decision(command, pending)

    async def _wait_for_decision(self, command: ConnectRequested, pending: PendingConsent) -> ConsentResult:
        """Wait until the `auth.accounts` view shows the worker's decision.

        The account is connected for this tenant, or belongs to another. Only the worker decides that: two edges may
        take two tenants' consents at the same time.
        """
        account_id = command.account_id

        def decided() -> bool:
            described = self._accounts.get(account_id)
            if not isinstance(described, AccountDescribed) or described.consented_at is None:
                return False
            # At least as new as this consent: the view may still show an earlier connection of the same account.
            return described.tenant != pending.tenant or described.consented_at >= command.granted_at

        if not await self._accounts.until(decided, DECISION_TIMEOUT_SECONDS):
            return Accepted(account_id)
        if self._belongs_to_other_tenant(account_id, pending.tenant):
            return OtherTenant(account_id)
        return Completed(
            account_id=account_id,
            display_name=command.display_name,
            scopes=command.scopes,
            # TikTok may grant fewer scopes than were requested.
            refused=tuple(scope for scope in pending.scopes if scope not in command.scopes),
        )

    def _belongs_to_other_tenant(self, account_id: str, tenant: str) -> bool:
        """Return whether the view shows the account with another tenant. The view may be behind the worker."""
        described = self._accounts.get(account_id)
        return isinstance(described, AccountDescribed) and described.tenant != tenant


async def _fetch_profile(app: App, response: TokenResponse) -> UserInfo:
    """Ask TikTok for the person's name and picture. Without them the account is connected all the same."""
    unknown = UserInfo(open_id=response.open_id, display_name="", username="", avatar_url="")
    if NAME_SCOPE not in response.scopes:
        return unknown
    match await app.client.user_info(response.access_token, response.scopes):
        case Done(value=person):
            return person
        # Not repeated: the browser waits, and the worker fetches the profile later anyway.
        case Refused() | NotSent() | Unknown():
            return unknown
