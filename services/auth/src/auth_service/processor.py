"""The processor that the worker runs: accounts, tenants and API keys."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeAlias

from auth_service import decisions, effects, facts, plans, service
from auth_service.states import State, tenant_of
from auth_service.tenants.decisions import decide_tenant
from auth_service.tenants.states import TenantRecord
from auth_service.transitions import unchanged
from auth_service.translate import hand_off, translate
from common.clock import UtcDatetime
from common.contract.tenant import AppResealed
from common.contract.topics import AUTH_COMMANDS, TIKTOK_WEBHOOKS
from common.streams import Decision, Due, Processor, StateKey

CanReplace: TypeAlias = Callable[[StateKey, State, str], bool]
"""Returns whether a sealed text opens here, at the place of the one that the state holds now."""

OnRestored: TypeAlias = Callable[[int, AsyncIterable[tuple[StateKey, State]]], Awaitable[None]]
"""Gets a partition's number and its states once they are read, to report those that cannot be worked with."""


def replace_always(key: StateKey, state: State, sealed: str) -> bool:
    """Accept every resealed text: for processors without a vault."""
    del key, state, sealed
    return True


def decide(
    key: StateKey,
    state: State | None,
    fact: facts.AnyFact | Due,
    now: UtcDatetime,
    *,
    can_replace: CanReplace = replace_always,
) -> Decision[State]:
    """Decide for an account, a tenant or an API key. Their state keys never meet."""
    # A resealed text that does not open here would cost the account its pair: the old text is kept instead.
    if (
        isinstance(fact, facts.Resealed | AppResealed)
        and state is not None
        and not can_replace(key, state, fact.sealed)
    ):
        return unchanged(state)
    if isinstance(fact, facts.TenantFact):
        return decide_tenant(state, fact) if isinstance(state, TenantRecord | None) else unchanged(state)
    if isinstance(state, TenantRecord):
        return unchanged(state)
    return decisions.decide(key, state, fact, now)


def next_effect(key: StateKey, state: State, now: UtcDatetime, *, recipients: str) -> plans.Wanted:
    """Return what a state requests next. Tenants and API keys request nothing."""
    return None if isinstance(state, TenantRecord) else plans.next_effect(key, state, now, recipients=recipients)


class AuthProcessor(Processor[State, facts.AnyFact, effects.Effect]):
    """Keeps each account's token pair fresh, and decides which tenant an account belongs to.

    `recipients` is the fingerprint of the services' public keys: if it changes, every pair is issued again.
    """

    service = service.NAME
    inputs = (AUTH_COMMANDS, TIKTOK_WEBHOOKS)
    state_type = State
    # TikTok rotates the refresh token: a refresh that is cut off may lose the only good pair.
    uninterruptible = (effects.Refresh,)
    translate = staticmethod(translate)
    hand_off = staticmethod(hand_off)
    fairness_key = staticmethod(tenant_of)

    def __init__(
        self, recipients: str, *, can_replace: CanReplace = replace_always, on_restored: OnRestored | None = None
    ) -> None:
        self._recipients = recipients
        self._can_replace = can_replace
        self._on_restored = on_restored

    def decide(
        self, key: StateKey, state: State | None, fact: facts.AnyFact | Due, now: UtcDatetime
    ) -> Decision[State]:
        """Decide with this worker's vault."""
        return decide(key, state, fact, now, can_replace=self._can_replace)

    def next_effect(self, key: StateKey, state: State, now: UtcDatetime) -> plans.Wanted:
        """Return what a state requests next, with the services' keys of this worker."""
        return next_effect(key, state, now, recipients=self._recipients)

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, State]]) -> None:
        """Pass the states on to the callback, if there is one."""
        if self._on_restored is not None:
            await self._on_restored(partition, states)
