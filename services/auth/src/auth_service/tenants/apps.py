"""Finds the TikTok app for a call: the installation's own, or one that a tenant brought."""

from collections.abc import Callable
from dataclasses import dataclass

import httpx
import structlog

from auth_service import effects, facts, metrics
from auth_service.settings import TikTokSettings
from common.contract.tenant import TenantDescribed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from common.streams import ReadOnlyView
from tiktok.client import TikTok

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A TikTok app as a consent needs it.

    `recorded_key` is stored with the accounts that are connected with it. None: it is the installation's app, whose
    client key comes from the settings.
    """

    recorded_key: str | None
    client_key: str
    pkce: bool
    client: TikTok


class Apps:
    """Finds the app that a tenant's people consent to, and the app of a connected account."""

    def __init__(
        self, *, own: App, tenants: ReadOnlyView, vault: Vault, client_of: Callable[[str, str], TikTok]
    ) -> None:
        """Take the installation's app, the view of tenants, and a function from client key and secret to a client."""
        self._own = own
        self._tenants = tenants
        self._vault = vault
        self._client_of = client_of

    def of(self, app: effects.AppRef) -> TikTok | facts.FailureClass:
        """Return the client for an account's calls, or why there is none now."""
        if app.client_key is None:
            return self._own.client
        described = self._tenants.get(app.tenant)
        if isinstance(described, TenantDescribed) and described.app and described.app.client_key == app.client_key:
            return self._open(app.tenant, described.app) or facts.FailureClass.MISCONFIGURED
        # While the view is incomplete, the app may only not be read yet.
        return facts.FailureClass.MISCONFIGURED if self._tenants.ready else facts.FailureClass.TRANSIENT

    def of_tenant(self, tenant: str) -> App | None:
        """Return the app that this tenant's people consent to; None if its secret does not open."""
        described = self._tenants.get(tenant)
        if not isinstance(described, TenantDescribed) or described.app is None:
            return self._own
        app = described.app
        client = self._open(tenant, app)
        # Never the installation's app instead: the account would get another id, under an app that was not chosen.
        if client is None:
            return None
        return App(recorded_key=app.client_key, client_key=app.client_key, pkce=app.pkce == "hex", client=client)

    def _open(self, tenant: str, app: TikTokApp) -> TikTok | None:
        """Return a client for the app; None if its secret cannot be opened."""
        try:
            return self._client_of(app.client_key, open_secret(self._vault, tenant, app))
        except CannotOpen as error:
            metrics.UNREADABLE_ITEMS.inc()
            _log.error("app_unreadable", tenant=tenant, reason=str(error))
            return None


def seal_secret(vault: Vault, tenant: str, client_key: str, secret: str) -> str:
    """Seal an app's secret. The text opens for this tenant and client key only."""
    # Version 0: a secret has no versions. Tenant and client key already bind the text to its place.
    return vault.seal(secret.encode(), owner=tenant, field=_field(client_key), version=0)


def open_secret(vault: Vault, tenant: str, app: TikTokApp) -> str:
    """Open an app's secret. Raises `CannotOpen`."""
    return vault.open(app.sealed_secret, owner=tenant, field=_field(app.client_key), version=0).decode()


def _field(client_key: str) -> str:
    """Return the vault's field. It holds the client key, so a secret never opens as the secret of another app."""
    return f"client_secret|{client_key}"


def apps_of(settings: TikTokSettings, *, tenants: ReadOnlyView, vault: Vault, http: httpx.AsyncClient) -> Apps:
    """Build the installation's app from the settings, and a source of clients for the tenants' apps."""

    def client_of(client_key: str, secret: str) -> TikTok:
        return TikTok(http, settings.api_url, client_key, secret)

    own = App(
        recorded_key=None,
        client_key=settings.client_key,
        pkce=settings.pkce == "hex",
        client=client_of(settings.client_key, settings.client_secret.get_secret_value()),
    )
    return Apps(own=own, tenants=tenants, vault=vault, client_of=client_of)
