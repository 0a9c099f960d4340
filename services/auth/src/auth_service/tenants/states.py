"""What is kept of a tenant and of its API keys."""

import msgspec

from common.clock import UtcDatetime
from common.contract.tenant import Scope, TikTokApp
from common.streams import StateKey

TENANT_ITEM = "tenant"

KEY_ITEM = "key:"


class Tenant(msgspec.Struct, frozen=True, kw_only=True, tag="tenant"):
    """A customer of this installation; `app` is its own TikTok app, where it has one."""

    tenant: str
    name: str
    return_urls: tuple[str, ...] = ()
    app: TikTokApp | None = None
    created_at: UtcDatetime
    changed_at: UtcDatetime


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, tag="api_key"):
    """A tenant's API key, as the hash of its secret half."""

    tenant: str
    key_id: str
    name: str
    scopes: tuple[Scope, ...]
    secret_hash: str
    requests_per_minute: int
    expires_at: UtcDatetime | None = None
    issued_at: UtcDatetime
    revoked_at: UtcDatetime | None = None


TenantRecord = Tenant | ApiKey


def tenant_key(tenant: str) -> StateKey:
    """Name a tenant's state."""
    return StateKey(tenant, TENANT_ITEM)


def api_key_key(tenant: str, key_id: str) -> StateKey:
    """Name an API key's state; it lies with its tenant's."""
    return StateKey(tenant, f"{KEY_ITEM}{key_id}")
