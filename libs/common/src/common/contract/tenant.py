"""Tenants and their API keys: the commands to auth, and the views that auth publishes for every edge."""

from enum import StrEnum
from typing import ClassVar, Literal

import msgspec

from common.contract.body import Body, Time
from common.contract.topics import AUTH_API_KEYS, AUTH_COMMANDS, AUTH_TENANTS, Topic


class Scope(StrEnum):
    """What an API key may do."""

    POSTS_WRITE = "posts:write"
    ANALYTICS_READ = "analytics:read"
    ACCOUNTS_MANAGE = "accounts:manage"


class TikTokApp(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's own TikTok app. Only auth can open `sealed_secret`. `pkce` is needed for desktop redirects."""

    client_key: str
    sealed_secret: str
    pkce: Literal["none", "hex"] = "none"

    def __repr__(self) -> str:
        return f"TikTokApp(client_key={self.client_key!r})"


class TenantBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """An event about one tenant."""

    keyed_by: ClassVar[str] = "tenant"

    tenant: str


class TenantRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """Create this tenant, or change it if it exists. `return_urls` are compared character by character."""

    ce_type: ClassVar[str] = "auth.tenant_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    name: str
    return_urls: tuple[str, ...] = ()
    by: str
    at: Time


class AppRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """The tenant uses this TikTok app from now on, or the installation's if it is None."""

    ce_type: ClassVar[str] = "auth.app_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    app: TikTokApp | None
    by: str
    at: Time


class AppResealed(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """An app's secret, sealed under another key. It replaces the sealed text whose SHA-256 (hex) is `replaces`."""

    ce_type: ClassVar[str] = "auth.app_resealed"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    replaces: str
    sealed: str


class KeyRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """Issue this API key to the tenant. `secret_hash` is the SHA-256 (hex) of the key's secret part."""

    ce_type: ClassVar[str] = "auth.key_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    secret_hash: str
    requests_per_minute: int
    expires_at: Time | None = None
    by: str
    at: Time


class KeyRevocationRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """Revoke the API key."""

    ce_type: ClassVar[str] = "auth.key_revocation_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    key_id: str
    by: str
    at: Time


class TenantDescribed(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: a tenant."""

    ce_type: ClassVar[str] = "tenant.described"
    topic: ClassVar[Topic] = AUTH_TENANTS

    name: str
    return_urls: tuple[str, ...] = ()
    app: TikTokApp | None = None
    created_at: Time
    changed_at: Time


class KeyBody(Body, frozen=True, kw_only=True, omit_defaults=True):
    """A view's record of one API key."""

    keyed_by: ClassVar[str] = "key_id"

    key_id: str
    tenant: str
    name: str
    scopes: tuple[Scope, ...]
    issued_at: Time


class ApiKeyIssued(KeyBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: an API key that may be used until `expires_at`. `secret_hash` is the SHA-256 (hex) of its secret part."""

    ce_type: ClassVar[str] = "api_key.issued"
    topic: ClassVar[Topic] = AUTH_API_KEYS

    secret_hash: str
    requests_per_minute: int
    expires_at: Time | None = None


class ApiKeyRevoked(KeyBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: a revoked API key. `secret_hash` stays, so that its owner gets the answer "revoked", not "unknown"."""

    ce_type: ClassVar[str] = "api_key.revoked"
    topic: ClassVar[Topic] = AUTH_API_KEYS

    secret_hash: str = ""
    revoked_at: Time
