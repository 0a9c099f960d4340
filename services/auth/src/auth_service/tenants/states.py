"""The states of a tenant and of its API keys."""

import msgspec

from common.clock import UtcDatetime
from common.contract.tenant import Scope, TikTokApp
from common.streams import StateKey

TENANT_ITEM = "tenant"

KEY_ITEM = "key:"


class Tenant(msgspec.Struct, frozen=True, kw_only=True, tag="tenant"):
    """A customer of this installation. `app` is its own TikTok app; None: its people consent to the installation's."""

    tenant: str
    name: str
    return_urls: tuple[str, ...] = ()
    app: TikTokApp | None = None
    created_at: UtcDatetime
    changed_at: UtcDatetime


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, tag="api_key"):
    """A tenant's API key. Only the SHA-256 of its secret half is kept, so the key cannot be shown again."""

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
    """Return the key of a tenant's state."""
    return StateKey(tenant, TENANT_ITEM)


def api_key_key(tenant: str, key_id: str) -> StateKey:
    """Return the key of an API key's state. It is on the tenant's partition."""
    return StateKey(tenant, f"{KEY_ITEM}{key_id}")
