"""Translates commands and webhooks to facts."""

from auth_service import facts, states
from auth_service.tenants import states as tenant_states
from common.contract.account import (
    ConnectRequested,
    DisconnectRequested,
    TokenPairHandedOff,
    TokenPairResealed,
    TokenRejected,
)
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.tenant import AppRequested, AppResealed, KeyRequested, KeyRevocationRequested, TenantRequested
from common.contract.tiktok import TikTokNotified
from common.streams import KeyedFact, StateKey


def translate(envelope: Envelope[Body]) -> KeyedFact[facts.AnyFact] | None:
    """Return the fact that a command or webhook means, with the key of its state; None if it means nothing to auth.

    Tenants' commands are facts as they are. They never carry a token, so they need no translation.
    """
    match envelope.body:
        case TenantRequested(tenant=tenant) | AppRequested(tenant=tenant) | AppResealed(tenant=tenant) as body:
            return KeyedFact(tenant_states.tenant_key(tenant), body)
        case KeyRequested() | KeyRevocationRequested() as body:
            return KeyedFact(tenant_states.api_key_key(body.tenant, body.key_id), body)
        case body:
            fact = _account_fact(body)
            return None if fact is None else KeyedFact(StateKey(body.key), fact)


def _account_fact(body: Body) -> facts.Fact | None:
    """Return what a command or webhook means for its account; None for all others, as for other webhooks."""
    fact: facts.Fact | None
    match body:
        case ConnectRequested():
            fact = _consented(body)
        case DisconnectRequested(tenant=tenant, by=by):
            fact = facts.DisconnectRequested(tenant=tenant, by=by)
        case TokenRejected(version=version):
            fact = facts.AccessTokenRejected(version=version)
        case TokenPairHandedOff():
            fact = _handed_off(body)
        case TokenPairResealed(replaces=replaces, sealed=sealed):
            fact = facts.Resealed(replaces=replaces, sealed=sealed)
        case TikTokNotified(event="authorization.removed", occurred_at=at):
            fact = facts.RemovalReported(at=at)
        case _:
            fact = None
    return fact


def hand_off(key: StateKey, fact: facts.AnyFact) -> Body | None:
    """Return the command that passes on a new pair to the worker that owns the account now.

    Only a finished refresh has something to lose: TikTok has already rotated the token.
    """
    if not isinstance(fact, facts.RefreshDone):
        return None
    pair = fact.issued.pair
    return TokenPairHandedOff(
        account_id=key.partition_key,
        version=fact.version,
        sealed_tokens=pair.sealed,
        scopes=fact.scopes,
        granted_at=pair.granted_at,
        access_expires_at=pair.access_expires_at,
        refresh_expires_at=pair.refresh_expires_at,
    )


def _consented(body: ConnectRequested) -> facts.Consented:
    """Turn a command of the consent page into a fact."""
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
    # The edge does not know the account's version. The worker numbers the pair when it issues it.
    return facts.Consented(profile=profile, pair=_pair(body, version=states.UNNUMBERED), by=body.by)


def _handed_off(body: TokenPairHandedOff) -> facts.HandedOff:
    # A refresh of version n brings n + 1, and the sealed text opens for that version only.
    return facts.HandedOff(version=body.version, scopes=body.scopes, pair=_pair(body, version=body.version + 1))


def _pair(body: ConnectRequested | TokenPairHandedOff, *, version: int) -> states.SealedTokenPair:
    """Return the sealed token pair that a command carries."""
    return states.SealedTokenPair(
        version=version,
        sealed=body.sealed_tokens,
        granted_at=body.granted_at,
        access_expires_at=body.access_expires_at,
        refresh_expires_at=body.refresh_expires_at,
    )
