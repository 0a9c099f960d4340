"""What auth hands to the runtime."""

from functools import partial

from auth_service.account import (
    OFFERED,
    Account,
    Effect,
    Fact,
    Granted,
    Pair,
    Profile,
    Refresh,
    RefreshDone,
    Rejected,
    Salvaged,
)
from auth_service.decisions import decide
from auth_service.plans import todo
from common.events.account import ConnectRequested, GrantSalvaged, TokenRejected
from common.events.body import Body
from common.events.codec import Envelope
from common.events.topics import AUTH_COMMANDS
from common.streams.machine import Addressed, Key, Machine

SERVICE = "auth"


def auth_machine(recipients: str) -> Machine[Account, Fact, Effect]:
    """Describe the worker. `recipients` is the fingerprint of the keys in force: a new one issues every pair anew."""
    return Machine(
        service=SERVICE,
        inputs=(AUTH_COMMANDS,),
        state_type=Account,
        interpret=interpret,
        decide=decide,
        todo=partial(todo, recipients=recipients),
        salvage=salvage,
        tenant=lambda state: state.profile.tenant,
        uninterruptible=(Refresh,),
    )


def interpret(envelope: Envelope[Body]) -> Addressed[Fact] | None:
    """Say which fact a command is."""
    key = Key(envelope.body.key)
    match envelope.body:
        case ConnectRequested() as body:
            return Addressed(key, _granted(body))
        case TokenRejected(version=version):
            return Addressed(key, Rejected(version=version))
        case GrantSalvaged() as body:
            return Addressed(key, _salvaged(body))
        case _:
            return None


def salvage(key: Key, fact: Fact) -> Body | None:
    """Save the pair that a refresh got for an account which is another worker's by now."""
    if not isinstance(fact, RefreshDone):
        return None
    pair = fact.issued.pair
    return GrantSalvaged(
        account_id=key.lane,
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
        scopes=body.scopes,
        display_name=body.display_name,
        consented_at=body.granted_at,
    )
    return Granted(profile=profile, pair=_pair(body, version=OFFERED))


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
