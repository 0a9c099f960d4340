"""TikTok apps: the installation's own, and those that tenants bring."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpx
import structlog

from auth_service import effects, facts, metrics
from auth_service.settings import TikTokSettings
from common.contract.body import Body
from common.contract.tenant import TenantDescribed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from tiktok.client import TikTok

_log = structlog.get_logger()


class Tenants(Protocol):
    """The whole view of tenants."""

    @property
    def ready(self) -> bool:
        """Whether it has been read to its end and is not far behind."""

    def get(self, key: str) -> Body | None:
        """Return a tenant's newest record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A TikTok app as a consent needs it. `name` is what accounts remember: empty for the installation's."""

    name: str
    client_key: str
    pkce: bool
    client: TikTok


class Apps:
    """Finds the app of a tenant, or of an account that was connected with it."""

    def __init__(self, *, own: App, tenants: Tenants, vault: Vault, client_of: Callable[[str, str], TikTok]) -> None:
        """Take the installation's app, the tenants, and what makes a client of a client key and secret."""
        self._own = own
        self._tenants = tenants
        self._vault = vault
        self._client_of = client_of

    def of(self, app: effects.AppOf) -> TikTok | facts.Trouble:
        """Return the client for an account's calls, or why there is none now."""
        if not app.client_key:
            return self._own.client
        described = self._tenants.get(app.tenant)
        if isinstance(described, TenantDescribed) and described.app and described.app.client_key == app.client_key:
            return self._open(app.tenant, described.app) or facts.Trouble.MISCONFIGURED
        return facts.Trouble.MISCONFIGURED if self._tenants.ready else facts.Trouble.TRANSIENT

    def of_tenant(self, tenant: str) -> App | None:
        """Return the app that this tenant's people consent to; None where its secret does not open."""
        described = self._tenants.get(tenant)
        if not isinstance(described, TenantDescribed) or described.app is None:
            return self._own
        app = described.app
        client = self._open(tenant, app)
        if client is None:
            return None
        return App(name=app.client_key, client_key=app.client_key, pkce=app.pkce == "hex", client=client)

    def _open(self, tenant: str, app: TikTokApp) -> TikTok | None:
        try:
            return self._client_of(app.client_key, open_secret(self._vault, tenant, app))
        except CannotOpen as error:
            metrics.UNREADABLE_PAIRS.inc()
            _log.error("app_unreadable", tenant=tenant, reason=str(error))
            return None


def seal_secret(vault: Vault, tenant: str, client_key: str, secret: str) -> str:
    """Seal an app's secret, as this tenant's secret of this app and nothing else."""
    return vault.seal(secret.encode(), owner=tenant, field=_field(client_key), version=0)


def open_secret(vault: Vault, tenant: str, app: TikTokApp) -> str:
    """Open an app's secret. Raises `CannotOpen`."""
    return vault.open(app.sealed_secret, owner=tenant, field=_field(app.client_key), version=0).decode()


def _field(client_key: str) -> str:
    return f"client_secret|{client_key}"


def apps_of(settings: TikTokSettings, *, tenants: Tenants, vault: Vault, http: httpx.AsyncClient) -> Apps:
    """Take the installation's app from the settings, and make clients for those of tenants."""

    def client_of(client_key: str, secret: str) -> TikTok:
        return TikTok(http, settings.api_url, client_key, secret)

    own = App(
        name="",
        client_key=settings.client_key,
        pkce=settings.pkce == "hex",
        client=client_of(settings.client_key, settings.client_secret.get_secret_value()),
    )
    return Apps(own=own, tenants=tenants, vault=vault, client_of=client_of)
