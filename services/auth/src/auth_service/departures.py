"""How an account goes: a tenant asks for it, or TikTok tells that its person took the grant back."""

from datetime import timedelta

import msgspec

from auth_service.account import (
    Account,
    Active,
    Ailing,
    Connected,
    DisconnectAsked,
    Disconnecting,
    Expiring,
    Fact,
    Granted,
    Issued,
    IssueFailed,
    Issuing,
    Leaving,
    NeedsPerson,
    ProfileSeen,
    ProfileUnseen,
    RefreshDone,
    Refreshing,
    RefreshRefused,
    RefreshUnsettled,
    Rejected,
    RemovalTold,
    Resealed,
    Revoked,
    RevokeUnsettled,
    Salvaged,
    Trouble,
)
from auth_service.moves import WITHDRAWN, connect_anew, gone, refuse, version_of
from auth_service.plans import retry_time
from common.clock import UtcDatetime
from common.contract.account import CredentialWithdrawn, DisconnectCause
from common.streams import Decision, Due, StateKey

TIKTOK = "tiktok"
"""Who disconnects an account that its person removed there."""

CLOCKS_APART = timedelta(minutes=5)
"""How far TikTok's clock, which tells whole seconds, may be from ours. Nearer removals are checked by a call too."""

REVOKE_FOR = timedelta(hours=24)
"""How long TikTok is asked to revoke; after that the account is forgotten all the same."""


def asked(key: StateKey, state: Active, fact: DisconnectAsked, now: UtcDatetime) -> Decision[Account]:
    """A tenant wants its account gone: no service may use it from now on, and TikTok is to hear of it."""
    profile, version = state.profile, version_of(state) + 1
    if profile.tenant != fact.tenant:
        return Decision(state=state)
    if isinstance(state, NeedsPerson):
        return gone(key, profile, version=version, cause=DisconnectCause.REQUESTED, revoked=False, by=fact.by, now=now)
    leaving = Disconnecting(profile=profile, pair=state.pair, version=version, by=fact.by, since=now)
    withdrawn = CredentialWithdrawn(account_id=key.partition_key, version=version, reason=WITHDRAWN)
    return Decision(state=leaving, events=(withdrawn,))


def told(key: StateKey, state: Active, fact: RemovalTold, now: UtcDatetime) -> Decision[Account]:
    """TikTok tells of a removal. It counts once TikTok refuses both tokens, and not for a consent given since."""
    if fact.at < state.profile.consented_at - CLOCKS_APART:
        return Decision(state=state)
    next_state: Active = state
    match state:
        case Connected(profile=profile, pair=pair):
            next_state = Refreshing(profile=profile, pair=pair, attempt=1, since=now, removed=True)
        case Refreshing():
            next_state = msgspec.structs.replace(state, removed=True, too_early=True)
        case Ailing() | Issuing():
            next_state = msgspec.structs.replace(state, removed=True)
        case Expiring(check_at=None):
            next_state = msgspec.structs.replace(state, check_at=now)
        case NeedsPerson() if fact.at >= state.profile.consented_at:
            return removed(key, state, now)  # TikTok has refused both already
        case Expiring() | NeedsPerson():
            pass
    return Decision(state=next_state)


def removed(key: StateKey, state: Active, now: UtcDatetime) -> Decision[Account]:
    """Forget an account that its person removed at TikTok: it takes neither token any more."""
    return gone(
        key,
        state.profile,
        version=version_of(state) + 1,
        cause=DisconnectCause.REMOVED_AT_TIKTOK,
        revoked=True,
        by=TIKTOK,
        now=now,
    )


def check_removal(connected: Decision[Account], now: UtcDatetime) -> Decision[Account]:
    """The new pair may be from before the removal that TikTok told of, so only another refresh shows whether it is."""
    if not isinstance(state := connected.state, Connected):
        return connected
    asked = Refreshing(profile=state.profile, pair=state.pair, attempt=1, since=now, removed=True)
    return Decision(state=asked, events=connected.events)


def leave(key: StateKey, state: Leaving, fact: Fact | Due, now: UtcDatetime) -> Decision[Account]:
    """A fact about an account that is going or gone."""
    if isinstance(state, Disconnecting):
        return _going(key, state, fact, now)
    if isinstance(fact, Granted) and fact.profile.consented_at > state.consented_at:
        return connect_anew(key, fact, version=state.version + 1)
    return Decision(state=state)


def _going(key: StateKey, state: Disconnecting, fact: Fact | Due, now: UtcDatetime) -> Decision[Account]:
    decision: Decision[Account] = Decision(state=state)
    match fact:
        case Granted():
            decision = _wanted_back(key, state, fact)
        case Due() if state.retry_at is not None and now >= state.retry_at:
            decision = Decision(state=msgspec.structs.replace(state, retry_at=None))
        case Revoked() | RevokeUnsettled():
            decision = _revoke_ended(key, state, fact, now)
        case RefreshDone() | RefreshRefused() | RefreshUnsettled() | Salvaged():
            decision = _pair_changed(key, state, fact, now)
        case Rejected(version=version) if state.pair.version == version and not state.rejected:
            decision = _again(key, msgspec.structs.replace(state, rejected=True), Trouble.TRANSIENT, now)
        case Due() | Resealed() | DisconnectAsked() | RemovalTold():
            pass
        case Issued() | IssueFailed() | Rejected() | ProfileSeen() | ProfileUnseen():
            pass
    return decision


def _revoke_ended(
    key: StateKey, state: Disconnecting, fact: Revoked | RevokeUnsettled, now: UtcDatetime
) -> Decision[Account]:
    match fact:
        case Revoked(version=version) if state.pair.version == version:
            return _forget(key, state, revoked=True, now=now)
        case RevokeUnsettled() if (state.pair.version, state.attempt) == (fact.version, fact.attempt):
            return _again(key, state, fact.trouble, now)
        case Revoked() | RevokeUnsettled():
            return Decision(state=state)


def _pair_changed(
    key: StateKey,
    state: Disconnecting,
    fact: RefreshDone | RefreshRefused | RefreshUnsettled | Salvaged,
    now: UtcDatetime,
) -> Decision[Account]:
    """A refresh that was under way, or that the goodbye needed, has ended."""
    if state.pair.version != fact.version:
        return Decision(state=state)
    match fact:
        case RefreshDone(issued=Issued(pair=pair)) | Salvaged(pair=pair):
            renewed = msgspec.structs.replace(state, pair=pair, rejected=False)
            # A token that is born dead must not be renewed in a loop.
            return (
                Decision(state=renewed)
                if now < pair.access_expires_at
                else _again(key, renewed, Trouble.TRANSIENT, now)
            )
        case RefreshRefused() if not state.rejected and now < state.pair.access_expires_at:
            # The refresh was begun before the goodbye; the access token is still good to revoke with.
            return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1))
        case RefreshRefused():
            # Nothing is left to revoke with. Where the access token is refused too, TikTok holds no grant, or one that
            # nobody has the tokens of.
            return _forget(key, state, revoked=state.rejected, now=now)
        case RefreshUnsettled(trouble=trouble):
            return _again(key, state, trouble, now)


def _wanted_back(key: StateKey, state: Disconnecting, fact: Granted) -> Decision[Account]:
    """The person connected again before TikTok heard of the end: there is nothing to revoke any more."""
    if fact.profile.tenant != state.profile.tenant:
        return refuse(key, state, fact)
    if fact.profile.consented_at <= state.profile.consented_at:
        return Decision(state=state)
    return connect_anew(key, fact, version=_highest(state) + 1)


def _again(key: StateKey, state: Disconnecting, trouble: Trouble, now: UtcDatetime) -> Decision[Account]:
    if now - state.since >= REVOKE_FOR:
        return _forget(key, state, revoked=False, now=now)
    retry_at = retry_time(key.partition_key, state.attempt, now, trouble)
    return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1, retry_at=retry_at))


def _forget(key: StateKey, state: Disconnecting, *, revoked: bool, now: UtcDatetime) -> Decision[Account]:
    return gone(
        key,
        state.profile,
        version=_highest(state),
        cause=DisconnectCause.REQUESTED,
        revoked=revoked,
        by=state.by,
        now=now,
    )


def _highest(state: Disconnecting) -> int:
    """Count the pairs that the goodbye took too: one of them may still come back, salvaged, under its version."""
    return max(state.version, state.pair.version)
