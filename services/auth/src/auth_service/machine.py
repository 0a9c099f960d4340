"""What auth hands to the runtime."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeAlias

from auth_service import decisions, plans, service
from auth_service.account import (
    OFFERED,
    Account,
    Ailing,
    Connected,
    DisconnectAsked,
    Disconnected,
    Disconnecting,
    Effect,
    Expiring,
    Fact,
    Granted,
    Issuing,
    NeedsPerson,
    Pair,
    Profile,
    Refresh,
    RefreshDone,
    Refreshing,
    Rejected,
    RemovalTold,
    Resealed,
    Salvaged,
)
from auth_service.tenant import ApiKey, Customer, Tenant, api_key_key, tenant_key
from auth_service.tenant_decisions import CustomerFact, decide_customer
from common.clock import UtcDatetime
from common.contract.account import ConnectRequested, DisconnectRequested, GrantSalvaged, PairResealed, TokenRejected
from common.contract.body import Body
from common.contract.codec import Envelope
from common.contract.tenant import (
    AppRequested,
    AppResealed,
    KeyRequested,
    KeyRevocationRequested,
    TenantRequested,
)
from common.contract.tiktok import TikTokNotified
from common.contract.topics import AUTH_COMMANDS, TIKTOK_WEBHOOKS
from common.streams import Decision, Due, KeyedFact, Processor, StateKey

State = Account | Customer
AnyFact = Fact | CustomerFact
Opens: TypeAlias = Callable[[StateKey, State, str], bool]
"""Whether a sealed text opens here that is to take the place of the one in a state."""
Inspect: TypeAlias = Callable[[int, AsyncIterable[tuple[StateKey, State]]], Awaitable[None]]
"""Shown a partition's number and its states, to warn about those that it cannot work with."""


def opens_any(key: StateKey, state: State, sealed: str) -> bool:
    """Take every text on trust: for machines without a vault."""
    del key, state, sealed
    return True


def decide(
    key: StateKey, state: State | None, fact: AnyFact | Due, now: UtcDatetime, *, opens: Opens = opens_any
) -> Decision[State]:
    """What a fact changes. Accounts and customers have decisions of their own; their keys never meet."""
    if isinstance(fact, Resealed | AppResealed) and state is not None and not opens(key, state, fact.sealed):
        return Decision(state=state)
    if isinstance(fact, CustomerFact):
        return decide_customer(state, fact) if isinstance(state, Customer | None) else Decision(state=state)
    if isinstance(state, Customer):
        return Decision(state=state)
    return decisions.decide(key, state, fact, now)


def next_effect(key: StateKey, state: State, now: UtcDatetime, *, recipients: str) -> plans.Wanted:
    """What a state wants next; customers want nothing."""
    return None if isinstance(state, Customer) else plans.next_effect(key, state, now, recipients=recipients)


def tenant_of(state: State) -> str:
    """Whose a state is; nobody's once an account is forgotten."""
    match state:
        case Tenant(tenant=tenant) | ApiKey(tenant=tenant):
            return tenant
        case Disconnected():
            return ""
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | NeedsPerson() | Disconnecting():
            return state.profile.tenant


def translate(envelope: Envelope[Body]) -> KeyedFact[AnyFact] | None:
    """Say which fact a command is."""
    match envelope.body:
        case TenantRequested(tenant=tenant) | AppRequested(tenant=tenant) | AppResealed(tenant=tenant) as body:
            return KeyedFact(tenant_key(tenant), body)
        case KeyRequested() | KeyRevocationRequested() as body:
            return KeyedFact(api_key_key(body.tenant, body.key_id), body)
        case body:
            fact = _account_fact(body)
            return None if fact is None else KeyedFact(StateKey(body.key), fact)


def _account_fact(body: Body) -> Fact | None:
    fact: Fact | None
    match body:
        case ConnectRequested():
            fact = _granted(body)
        case DisconnectRequested(tenant=tenant, by=by):
            fact = DisconnectAsked(tenant=tenant, by=by)
        case TokenRejected(version=version):
            fact = Rejected(version=version)
        case GrantSalvaged():
            fact = _salvaged(body)
        case PairResealed(replaces=replaces, sealed=sealed):
            fact = Resealed(replaces=replaces, sealed=sealed)
        case TikTokNotified(event="authorization.removed", occurred_at=at):
            fact = RemovalTold(at=at)
        case _:
            fact = None
    return fact


def hand_off(key: StateKey, fact: AnyFact) -> Body | None:
    """Save the pair that a refresh got for an account which is another worker's by now."""
    if not isinstance(fact, RefreshDone):
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


def _granted(body: ConnectRequested) -> Granted:
    profile = Profile(
        tenant=body.tenant,
        open_id=body.open_id,
        client_key=body.client_key,
        scopes=body.scopes,
        display_name=body.display_name,
        username=body.username,
        avatar_url=body.avatar_url,
        consented_at=body.granted_at,
    )
    return Granted(profile=profile, pair=_pair(body, version=OFFERED), by=body.by)


def _salvaged(body: GrantSalvaged) -> Salvaged:
    return Salvaged(version=body.version, scopes=body.scopes, pair=_pair(body, version=body.version + 1))


def _pair(body: ConnectRequested | GrantSalvaged, *, version: int) -> Pair:
    return Pair(
        version=version,
        sealed=body.sealed_grant,
        granted_at=body.granted_at,
        access_expires_at=body.access_expires_at,
        refresh_expires_at=body.refresh_expires_at,
    )


class AuthProcessor(Processor[State, AnyFact, Effect]):
    """Keeps each account's token pair fresh and decides whose an account is.

    `recipients` is the fingerprint of the keys in force: a new one issues every pair again. A text that was sealed
    with a newer key is kept only where it `opens`. `inspect` is shown the states of each partition that is opened.
    """

    service = service.NAME
    inputs = (AUTH_COMMANDS, TIKTOK_WEBHOOKS)
    state_type = State
    uninterruptible = (Refresh,)
    translate = staticmethod(translate)
    hand_off = staticmethod(hand_off)
    fairness_key = staticmethod(tenant_of)

    def __init__(self, recipients: str, *, opens: Opens = opens_any, inspect: Inspect | None = None) -> None:
        self._recipients = recipients
        self._opens = opens
        self._inspect = inspect

    def decide(self, key: StateKey, state: State | None, fact: AnyFact | Due, now: UtcDatetime) -> Decision[State]:
        """Decide with the vault of this installation."""
        return decide(key, state, fact, now, opens=self._opens)

    def next_effect(self, key: StateKey, state: State, now: UtcDatetime) -> plans.Wanted:
        """Return what a state wants under the keys in force."""
        return next_effect(key, state, now, recipients=self._recipients)

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, State]]) -> None:
        """Show the states to `inspect`."""
        if self._inspect is not None:
            await self._inspect(partition, states)
