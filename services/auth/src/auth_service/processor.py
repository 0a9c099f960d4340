"""The processor that the worker runs: accounts, tenants and API keys."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import TypeAlias

from auth_service import decisions, effects, facts, plans, service, states
from auth_service.states import State, tenant_of
from auth_service.tenants import states as tenant_states
from auth_service.tenants.decisions import decide_customer
from auth_service.translate import hand_off, translate
from common.clock import UtcDatetime
from common.contract.tenant import AppResealed
from common.contract.topics import AUTH_COMMANDS, TIKTOK_WEBHOOKS
from common.streams import Decision, Due, Processor, StateKey

Opens: TypeAlias = Callable[[StateKey, states.State, str], bool]
"""Whether a sealed text opens here that is to take the place of the one in a state."""

Inspect: TypeAlias = Callable[[int, AsyncIterable[tuple[StateKey, states.State]]], Awaitable[None]]
"""Shown a partition's number and its states, to warn about those that it cannot work with."""


def opens_any(key: StateKey, state: states.State, sealed: str) -> bool:
    """Take every text on trust: for machines without a vault."""
    del key, state, sealed
    return True


def decide(
    key: StateKey, state: states.State | None, fact: facts.AnyFact | Due, now: UtcDatetime, *, opens: Opens = opens_any
) -> Decision[states.State]:
    """What a fact changes. Accounts and customers have decisions of their own; their keys never meet."""
    if isinstance(fact, facts.Resealed | AppResealed) and state is not None and not opens(key, state, fact.sealed):
        return Decision(state=state)
    if isinstance(fact, facts.CustomerFact):
        return (
            decide_customer(state, fact) if isinstance(state, tenant_states.Customer | None) else Decision(state=state)
        )
    if isinstance(state, tenant_states.Customer):
        return Decision(state=state)
    return decisions.decide(key, state, fact, now)


def next_effect(key: StateKey, state: states.State, now: UtcDatetime, *, recipients: str) -> plans.Wanted:
    """What a state wants next; customers want nothing."""
    return (
        None if isinstance(state, tenant_states.Customer) else plans.next_effect(key, state, now, recipients=recipients)
    )


class AuthProcessor(Processor[State, facts.AnyFact, effects.Effect]):
    """Keeps each account's token pair fresh and decides whose an account is.

    `recipients` is the fingerprint of the keys in force: a new one issues every pair again. A text that was sealed
    with a newer key is kept only where it `opens`. `inspect` is shown the states of each partition that is opened.
    """

    service = service.NAME
    inputs = (AUTH_COMMANDS, TIKTOK_WEBHOOKS)
    state_type = State
    uninterruptible = (effects.Refresh,)
    translate = staticmethod(translate)
    hand_off = staticmethod(hand_off)
    fairness_key = staticmethod(tenant_of)

    def __init__(self, recipients: str, *, opens: Opens = opens_any, inspect: Inspect | None = None) -> None:
        self._recipients = recipients
        self._opens = opens
        self._inspect = inspect

    def decide(
        self, key: StateKey, state: State | None, fact: facts.AnyFact | Due, now: UtcDatetime
    ) -> Decision[State]:
        """Decide with the vault of this installation."""
        return decide(key, state, fact, now, opens=self._opens)

    def next_effect(self, key: StateKey, state: State, now: UtcDatetime) -> plans.Wanted:
        """Return what a state wants under the keys in force."""
        return next_effect(key, state, now, recipients=self._recipients)

    async def on_restored(self, partition: int, states: AsyncIterable[tuple[StateKey, State]]) -> None:
        """Show the states to `inspect`."""
        if self._inspect is not None:
            await self._inspect(partition, states)
