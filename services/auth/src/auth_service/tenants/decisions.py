"""Decides how a command changes a tenant or an API key. The commands themselves are the facts."""

import hashlib

import msgspec

from auth_service import facts
from auth_service.tenants import states as tenant_states
from common.contract.audit import Action, AuditRecorded
from common.contract.tenant import (
    ApiKeyIssued,
    ApiKeyRevoked,
    AppRequested,
    AppResealed,
    KeyRequested,
    KeyRevocationRequested,
    TenantDescribed,
    TenantRequested,
    TikTokApp,
)
from common.streams import Decision


def decide_tenant(
    state: tenant_states.TenantRecord | None, fact: facts.TenantFact
) -> Decision[tenant_states.TenantRecord]:
    """Return the next state of a tenant or key. A command may come twice: then nothing changes."""
    decision: Decision[tenant_states.TenantRecord] = Decision(state=state)
    match state, fact:
        case None, TenantRequested():
            decision = _create(fact)
        case tenant_states.Tenant(), TenantRequested():
            decision = _change(state, fact)
        case tenant_states.Tenant(), AppRequested():
            decision = _set_app(state, fact)
        case tenant_states.Tenant(app=TikTokApp() as app), AppResealed():
            decision = _reseal(state, app, fact)
        case None, KeyRequested():
            decision = _issue(fact)
        case tenant_states.ApiKey(revoked_at=None), KeyRevocationRequested():
            decision = _revoke(state, fact)
        case (
            (tenant_states.Tenant() | tenant_states.ApiKey() | None),
            (TenantRequested() | AppRequested() | AppResealed() | KeyRequested() | KeyRevocationRequested()),
        ):
            pass
    return decision


def _create(fact: TenantRequested) -> Decision[tenant_states.TenantRecord]:
    """Create a tenant, with its view record and its audit entry."""
    tenant = tenant_states.Tenant(
        tenant=fact.tenant, name=fact.name, return_urls=fact.return_urls, created_at=fact.at, changed_at=fact.at
    )
    noted = _audit(fact, Action.TENANT_CREATED, fact.tenant, name=fact.name)
    return Decision(state=tenant, events=(_described(tenant), noted))


def _change(state: tenant_states.Tenant, fact: TenantRequested) -> Decision[tenant_states.TenantRecord]:
    """Replace the name and the return addresses as a whole. The app is changed by its own command."""
    # `PUT` may be repeated after a lost answer. The repetition must not look like another change in the audit log.
    if (state.name, state.return_urls) == (fact.name, fact.return_urls):
        return Decision(state=state)
    tenant = msgspec.structs.replace(state, name=fact.name, return_urls=fact.return_urls, changed_at=fact.at)
    noted = _audit(fact, Action.TENANT_CHANGED, fact.tenant, name=fact.name)
    return Decision(state=tenant, events=(_described(tenant), noted))


def _set_app(state: tenant_states.Tenant, fact: AppRequested) -> Decision[tenant_states.TenantRecord]:
    """Set or remove the tenant's own TikTok app."""
    if state.app == fact.app:
        return Decision(state=state)
    tenant = msgspec.structs.replace(state, app=fact.app, changed_at=fact.at)
    if fact.app is None:
        noted = _audit(fact, Action.APP_REMOVED, state.app.client_key if state.app else "")
    else:
        noted = _audit(fact, Action.APP_SET, fact.app.client_key)
    return Decision(state=tenant, events=(_described(tenant), noted))


def _reseal(state: tenant_states.Tenant, app: TikTokApp, fact: AppResealed) -> Decision[tenant_states.TenantRecord]:
    """Replace the app's sealed secret by the same secret under another vault key, if it is still the one named."""
    # The secret may have been replaced since key rotation read it. Then the command is about a text that is gone.
    if hashlib.sha256(app.sealed_secret.encode()).hexdigest() != fact.replaces:
        return Decision(state=state)
    # `changed_at` stays and nothing is audited: the secret is the same, only the vault's key is another.
    tenant = msgspec.structs.replace(state, app=msgspec.structs.replace(app, sealed_secret=fact.sealed))
    return Decision(state=tenant, events=(_described(tenant),))


def _issue(fact: KeyRequested) -> Decision[tenant_states.TenantRecord]:
    """Create an API key; only the hash of its secret is stored."""
    key = tenant_states.ApiKey(
        tenant=fact.tenant,
        key_id=fact.key_id,
        name=fact.name,
        scopes=fact.scopes,
        secret_hash=fact.secret_hash,
        requests_per_minute=fact.requests_per_minute,
        expires_at=fact.expires_at,
        issued_at=fact.at,
    )
    issued = ApiKeyIssued(
        key_id=key.key_id,
        tenant=key.tenant,
        name=key.name,
        scopes=key.scopes,
        issued_at=key.issued_at,
        secret_hash=key.secret_hash,
        requests_per_minute=key.requests_per_minute,
        expires_at=key.expires_at,
    )
    noted = _audit(fact, Action.KEY_ISSUED, key.key_id, name=key.name, scopes=" ".join(key.scopes))
    return Decision(state=key, events=(issued, noted))


def _revoke(state: tenant_states.ApiKey, fact: KeyRevocationRequested) -> Decision[tenant_states.TenantRecord]:
    """Revoke an API key. Its record stays, so that edges refuse it by name."""
    revoked = ApiKeyRevoked(
        key_id=state.key_id,
        tenant=state.tenant,
        name=state.name,
        scopes=state.scopes,
        issued_at=state.issued_at,
        secret_hash=state.secret_hash,
        revoked_at=fact.at,
    )
    noted = _audit(fact, Action.KEY_REVOKED, state.key_id, name=state.name)
    return Decision(state=msgspec.structs.replace(state, revoked_at=fact.at), events=(revoked, noted))


def _described(tenant: tenant_states.Tenant) -> TenantDescribed:
    """Return the tenant's record for the view."""
    return TenantDescribed(
        tenant=tenant.tenant,
        name=tenant.name,
        return_urls=tenant.return_urls,
        app=tenant.app,
        created_at=tenant.created_at,
        changed_at=tenant.changed_at,
    )


def _audit(
    fact: TenantRequested | AppRequested | KeyRequested | KeyRevocationRequested,
    action: Action,
    target: str,
    **details: str,
) -> AuditRecorded:
    """Return the audit entry of a command."""
    return AuditRecorded(
        about=fact.tenant, tenant=fact.tenant, action=action, target=target, by=fact.by, at=fact.at, details=details
    )
