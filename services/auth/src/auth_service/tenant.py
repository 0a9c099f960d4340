"""What is kept of a tenant and of its API keys."""

import msgspec

from common.clock import Instant
from common.contract.tenant import Scope, TikTokApp
from common.streams.api import Key

TENANT_ITEM = "tenant"
KEY_ITEM = "key:"


class Tenant(msgspec.Struct, frozen=True, kw_only=True, tag="tenant"):
    """A customer of this installation; `app` is its own TikTok app, where it has one."""

    tenant: str
    name: str
    return_urls: tuple[str, ...] = ()
    app: TikTokApp | None = None
    created_at: Instant
    changed_at: Instant


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, tag="api_key"):
    """A tenant's API key, as the hash of its secret half."""

    tenant: str
    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    secret_hash: str
    requests_per_minute: int
    expires_at: Instant | None = None
    issued_at: Instant
    revoked_at: Instant | None = None


Customer = Tenant | ApiKey


def tenant_key(tenant: str) -> Key:
    """Name a tenant's state."""
    return Key(tenant, TENANT_ITEM)


def api_key_key(tenant: str, key_id: str) -> Key:
    """Name an API key's state; it lies with its tenant's."""
    return Key(tenant, f"{KEY_ITEM}{key_id}")
