"""Carries out what operators ask for: each change is done when the edge's own view shows it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from fastapi.exceptions import RequestValidationError

from auth_service.commands import Commands, demand_ready, not_certain, write
from auth_service.tenants.apps import seal_secret
from common.clock import Clock, UtcDatetime
from common.contract.account import AccountDescribed
from common.contract.body import Body
from common.contract.tenant import (
    ApiKeyIssued,
    ApiKeyRevoked,
    AppRequested,
    KeyRequested,
    KeyRevocationRequested,
    Scope,
    TenantDescribed,
    TenantRequested,
    TikTokApp,
)
from common.http.api_keys import generate_key
from common.http.errors import Problem
from common.http.problems import Code
from common.security.sealing import Vault
from common.service.tracing import RandomBytes
from common.streams import ReadOnlyView

SEEN_WITHIN_SECONDS = 10.0
"""How long a request waits, in seconds, until the edge's own view shows the change.

After it the answer is 503 `not_durable`: the change may or may not be made.
"""

OPERATOR = "operator"
"""The `by` of every command here. The bootstrap secret is shared, so the person behind it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApp:
    """A TikTok app, with its secret in the clear."""

    client_key: str
    secret: str = field(repr=False)
    pkce: Literal["none", "hex"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """An API key as it is to be. `expires_at` of None: never."""

    name: str
    scopes: tuple[Scope, ...]
    expires_at: UtcDatetime | None
    requests_per_minute: int


class Administration:
    """Writes the commands of operators and waits until the views show their effect."""

    def __init__(
        self,
        *,
        commands: Commands,
        tenants: ReadOnlyView,
        keys: ReadOnlyView,
        accounts: ReadOnlyView,
        vault: Vault,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        """Take the way to the worker, the views, what seals secrets, and what makes keys."""
        self._commands = commands
        self._tenants = tenants
        self._keys = keys
        self._accounts = accounts
        self._vault = vault
        self._clock = clock
        self._random_bytes = random_bytes

    def tenants(self) -> list[TenantDescribed]:
        """List all tenants, by id."""
        demand_ready(self._tenants)
        found = (body for _, body in self._tenants.all() if isinstance(body, TenantDescribed))
        return sorted(found, key=lambda body: body.tenant)

    def tenant(self, tenant: str) -> TenantDescribed:
        """Return a tenant. Raises a `Problem` where there is none of this name."""
        demand_ready(self._tenants, self._keys, self._accounts)
        described = self._tenants.get(tenant)
        if not isinstance(described, TenantDescribed):
            raise Problem(Code.UNKNOWN_TENANT, f"There is no tenant `{tenant}`. Create it first.")
        return described

    async def describe_tenant(self, tenant: str, *, name: str, return_urls: tuple[str, ...]) -> TenantDescribed:
        """Create or change a tenant; return it as it now is."""
        demand_ready(self._tenants)

        def described() -> bool:
            body = self._tenants.get(tenant)
            return isinstance(body, TenantDescribed) and (body.name, body.return_urls) == (name, return_urls)

        command = TenantRequested(tenant=tenant, name=name, return_urls=return_urls, by=OPERATOR, at=self._clock())
        # The view decides, not the write: the worker may have refused the command.
        await self._done(command, self._tenants, described)
        return self.tenant(tenant)

    async def set_app(self, tenant: str, wanted: NewApp | None) -> TenantDescribed:
        """Give a tenant its own TikTok app, or take it away; return the tenant as it now is.

        An app whose accounts are connected cannot be taken away: their tokens could not be refreshed any more.
        """
        described = self.tenant(tenant)
        client_key = None if wanted is None else wanted.client_key
        # The same client key with a new secret is fine: the accounts' tokens belong to the client key.
        if described.app is not None and described.app.client_key != client_key:
            self._demand_unused(tenant, described.app.client_key)
        app = None if wanted is None else self._sealed(tenant, wanted)
        command = AppRequested(tenant=tenant, app=app, by=OPERATOR, at=self._clock())
        await self._done(command, self._tenants, lambda: _shows(self.tenant(tenant), command))
        return self.tenant(tenant)

    async def issue_key(self, tenant: str, wanted: NewKey) -> tuple[ApiKeyIssued | ApiKeyRevoked, str]:
        """Make an API key: what is kept of it, and its text. It works here now, on every other edge within a second."""
        self.tenant(tenant)
        if wanted.expires_at is not None and wanted.expires_at <= self._clock():
            fault = {
                "type": "datetime_future",
                "loc": ("body", "expires_at"),
                "msg": "has to lie in the future",
                "input": wanted.expires_at.isoformat(),
            }
            # In the form of the framework's own errors, so that the answer names the field.
            raise RequestValidationError([fault])
        # Made here and not by the worker: the key's text must never be written to Kafka.
        key = generate_key(self._random_bytes)
        command = KeyRequested(
            tenant=tenant,
            key_id=key.key_id,
            name=wanted.name,
            scopes=wanted.scopes,
            secret_hash=key.secret_hash,
            requests_per_minute=wanted.requests_per_minute,
            expires_at=wanted.expires_at,
            by=OPERATOR,
            at=self._clock(),
        )
        await self._done(command, self._keys, lambda: self._keys.get(key.key_id) is not None)
        return self.key(tenant, key.key_id), key.text

    async def revoke_key(self, tenant: str, key_id: str) -> ApiKeyIssued | ApiKeyRevoked:
        """Revoke a key.

        It ends here when this returns, and on every other edge within a second. A revoked key is returned as it is.
        """
        # Revoking twice is no error: the first answer may have been lost.
        if isinstance(found := self.key(tenant, key_id), ApiKeyRevoked):
            return found
        command = KeyRevocationRequested(tenant=tenant, key_id=key_id, by=OPERATOR, at=self._clock())
        await self._done(command, self._keys, lambda: isinstance(self._keys.get(key_id), ApiKeyRevoked))
        return self.key(tenant, key_id)

    def key(self, tenant: str, key_id: str) -> ApiKeyIssued | ApiKeyRevoked:
        """Return one of a tenant's keys. Raises a `Problem` where it has no such key."""
        self.tenant(tenant)
        found = self._keys.get(key_id)
        # The view finds a key by its id alone, so its tenant has to be compared too.
        if not isinstance(found, ApiKeyIssued | ApiKeyRevoked) or found.tenant != tenant:
            raise Problem(Code.UNKNOWN_KEY, f"Tenant `{tenant}` has no key `{key_id}`.")
        return found

    def keys(self, tenant: str) -> list[ApiKeyIssued | ApiKeyRevoked]:
        """List a tenant's keys, the oldest first."""
        self.tenant(tenant)
        found = [body for _, body in self._keys.all() if isinstance(body, ApiKeyIssued | ApiKeyRevoked)]
        return sorted((body for body in found if body.tenant == tenant), key=lambda body: body.issued_at)

    def _demand_unused(self, tenant: str, client_key: str) -> None:
        """Raise a `Problem` while accounts of this tenant are connected with the app."""
        for _, body in self._accounts.all():
            if isinstance(body, AccountDescribed) and (body.tenant, body.client_key) == (tenant, client_key):
                detail = f"Accounts are connected with app `{client_key}`. Disconnect them first."
                raise Problem(Code.APP_IN_USE, detail)

    def _sealed(self, tenant: str, wanted: NewApp) -> TikTokApp:
        """Seal the app's secret, so that the command holds none in the clear."""
        return TikTokApp(
            client_key=wanted.client_key,
            sealed_secret=seal_secret(self._vault, tenant, wanted.client_key, wanted.secret),
            pkce=wanted.pkce,
        )

    async def _done(self, command: Body, view: ReadOnlyView, holds: Callable[[], bool]) -> None:
        """Write a command and wait until `holds`.

        Raises:
            Problem: Kafka did not confirm, or the view does not show the change within `SEEN_WITHIN_SECONDS`.
        """
        # The view is awaited because the worker decides, and the caller has to be able to use the change at once.
        await write(self._commands, command)
        if not await view.until(holds, SEEN_WITHIN_SECONDS):
            raise not_certain()


def _shows(described: TenantDescribed, command: AppRequested) -> bool:
    """Whether an app was set since: not the same sealed text, which may have been sealed under another key by now."""
    if command.app is None or described.app is None:
        return command.app is described.app
    return described.changed_at >= command.at and described.app.client_key == command.app.client_key
