"""Translates commands and webhooks to facts."""

from auth_service import facts, states
from auth_service.tenants import states as tenant_states
from common.contract.account import ConnectRequested, DisconnectRequested, GrantSalvaged, PairResealed, TokenRejected
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.tenant import AppRequested, AppResealed, KeyRequested, KeyRevocationRequested, TenantRequested
from common.contract.tiktok import TikTokNotified
from common.streams import KeyedFact, StateKey


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.AnyFact] | None:
    """Say which fact a command is."""
    match envelope.body:
        case TenantRequested(tenant=tenant) | AppRequested(tenant=tenant) | AppResealed(tenant=tenant) as body:
            return KeyedFact(tenant_states.tenant_key(tenant), body)
        case KeyRequested() | KeyRevocationRequested() as body:
            return KeyedFact(tenant_states.api_key_key(body.tenant, body.key_id), body)
        case body:
            fact = _account_fact(body)
            return None if fact is None else KeyedFact(StateKey(body.key), fact)


def _account_fact(body: Body) -> facts.Fact | None:
    fact: facts.Fact | None
    match body:
        case ConnectRequested():
            fact = _granted(body)
        case DisconnectRequested(tenant=tenant, by=by):
            fact = facts.DisconnectAsked(tenant=tenant, by=by)
        case TokenRejected(version=version):
            fact = facts.Rejected(version=version)
        case GrantSalvaged():
            fact = _salvaged(body)
        case PairResealed(replaces=replaces, sealed=sealed):
            fact = facts.Resealed(replaces=replaces, sealed=sealed)
        case TikTokNotified(event="authorization.removed", occurred_at=at):
            fact = facts.RemovalTold(at=at)
        case _:
            fact = None
    return fact


def hand_off(key: StateKey, fact: facts.AnyFact) -> Body | None:
    """Save the pair that a refresh got for an account which is another worker's by now."""
    if not isinstance(fact, facts.RefreshDone):
        return None
    pair = fact.issued.pair
    return GrantSalvaged(
        account_id=key.partition_key,
        version=fact.version,
        sealed_grant=pair.sealed,
        scopes=fact.scopes,
        granted_at=pair.granted_at,
        access_expires_at=pair.access_expires_at,
        refresh_expires_at=pair.refresh_expires_at,
    )


def _granted(body: ConnectRequested) -> facts.Granted:
    profile = states.Profile(
        tenant=body.tenant,
        open_id=body.open_id,
        client_key=body.client_key,
        scopes=body.scopes,
        display_name=body.display_name,
        username=body.username,
        avatar_url=body.avatar_url,
        consented_at=body.granted_at,
    )
    return facts.Granted(profile=profile, pair=_pair(body, version=states.OFFERED), by=body.by)


def _salvaged(body: GrantSalvaged) -> facts.Salvaged:
    return facts.Salvaged(version=body.version, scopes=body.scopes, pair=_pair(body, version=body.version + 1))


def _pair(body: ConnectRequested | GrantSalvaged, *, version: int) -> states.Pair:
    return states.Pair(
        version=version,
        sealed=body.sealed_grant,
        granted_at=body.granted_at,
        access_expires_at=body.access_expires_at,
        refresh_expires_at=body.refresh_expires_at,
    )
