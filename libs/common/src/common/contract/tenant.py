"""Tenants and their API keys: the commands auth obeys, and the views it keeps for every edge."""

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
    """A tenant's own TikTok app. `sealed_secret` opens for auth alone; `pkce` is there for desktop redirects."""

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
    """There is to be this tenant, as described; asked again, it is changed. `return_urls` are compared whole."""

    ce_type: ClassVar[str] = "auth.tenant_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    name: str
    return_urls: tuple[str, ...] = ()
    by: str
    at: Time


class AppRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """The tenant uses this TikTok app from now on; None: the installation's."""

    ce_type: ClassVar[str] = "auth.app_requested"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    app: TikTokApp | None
    by: str
    at: Time


class AppResealed(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """An app's secret, sealed under another key: it takes the place of the one whose SHA-256 (hex) is `replaces`."""

    ce_type: ClassVar[str] = "auth.app_resealed"
    topic: ClassVar[Topic] = AUTH_COMMANDS

    replaces: str
    sealed: str


class KeyRequested(TenantBody, frozen=True, kw_only=True, omit_defaults=True):
    """The tenant is to have this API key. `secret_hash` is the SHA-256 (hex) of its secret half."""

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
    """The API key is to be good for nothing from now on."""

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
    """View: an API key that may be used until `expires_at`. `secret_hash` is the SHA-256 (hex) of its secret half."""

    ce_type: ClassVar[str] = "api_key.issued"
    topic: ClassVar[Topic] = AUTH_API_KEYS

    secret_hash: str
    requests_per_minute: int
    expires_at: Time | None = None


class ApiKeyRevoked(KeyBody, frozen=True, kw_only=True, omit_defaults=True):
    """View: an API key that is good for nothing any more. Who has its secret (`secret_hash` as before) hears so."""

    ce_type: ClassVar[str] = "api_key.revoked"
    topic: ClassVar[Topic] = AUTH_API_KEYS

    secret_hash: str = ""
    revoked_at: Time
