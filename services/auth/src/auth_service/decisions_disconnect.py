"""Disconnecting an account: on the tenant's request, or after TikTok's `authorization.removed` webhook."""

from datetime import timedelta

import msgspec

from auth_service import facts, states
from auth_service.plans import retry_time
from auth_service.transitions import WITHDRAWN, connect_anew, gone, refuse, version_of
from common.clock import UtcDatetime
from common.contract.account import CredentialWithdrawn, DisconnectCause
from common.streams import Decision, Due, StateKey

TIKTOK = "tiktok"
"""Who disconnects an account that its person removed there."""

CLOCKS_APART = timedelta(minutes=5)
"""How far TikTok's clock, which tells whole seconds, may be from ours. Nearer removals are checked by a call too."""

REVOKE_FOR = timedelta(hours=24)
"""How long TikTok is asked to revoke; after that the account is forgotten all the same."""


def asked(
    key: StateKey, state: states.Active, fact: facts.DisconnectAsked, now: UtcDatetime
) -> Decision[states.Account]:
    """A tenant wants its account gone: no service may use it from now on, and TikTok is to hear of it."""
    profile, version = state.profile, version_of(state) + 1
    if profile.tenant != fact.tenant:
        return Decision(state=state)
    if isinstance(state, states.NeedsPerson):
        return gone(key, profile, version=version, cause=DisconnectCause.REQUESTED, revoked=False, by=fact.by, now=now)
    leaving = states.Disconnecting(profile=profile, pair=state.pair, version=version, by=fact.by, since=now)
    withdrawn = CredentialWithdrawn(account_id=key.partition_key, version=version, reason=WITHDRAWN)
    return Decision(state=leaving, events=(withdrawn,))


def told(key: StateKey, state: states.Active, fact: facts.RemovalTold, now: UtcDatetime) -> Decision[states.Account]:
    """TikTok tells of a removal. It counts once TikTok refuses both tokens, and not for a consent given since."""
    if fact.at < state.profile.consented_at - CLOCKS_APART:
        return Decision(state=state)
    next_state: states.Active = state
    match state:
        case states.Connected(profile=profile, pair=pair):
            next_state = states.Refreshing(profile=profile, pair=pair, attempt=1, since=now, removed=True)
        case states.Refreshing():
            next_state = msgspec.structs.replace(state, removed=True, too_early=True)
        case states.Ailing() | states.Issuing():
            next_state = msgspec.structs.replace(state, removed=True)
        case states.Expiring(check_at=None):
            next_state = msgspec.structs.replace(state, check_at=now)
        case states.NeedsPerson() if fact.at >= state.profile.consented_at:
            return removed(key, state, now)  # TikTok has refused both already
        case states.Expiring() | states.NeedsPerson():
            pass
    return Decision(state=next_state)


def removed(key: StateKey, state: states.Active, now: UtcDatetime) -> Decision[states.Account]:
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


def check_removal(connected: Decision[states.Account], now: UtcDatetime) -> Decision[states.Account]:
    """The new pair may be from before the removal that TikTok told of, so only another refresh shows whether it is."""
    if not isinstance(state := connected.state, states.Connected):
        return connected
    asked = states.Refreshing(profile=state.profile, pair=state.pair, attempt=1, since=now, removed=True)
    return Decision(state=asked, events=connected.events)


def leave(key: StateKey, state: states.Leaving, fact: facts.Fact | Due, now: UtcDatetime) -> Decision[states.Account]:
    """A fact about an account that is going or gone."""
    if isinstance(state, states.Disconnecting):
        return _going(key, state, fact, now)
    if isinstance(fact, facts.Granted) and fact.profile.consented_at > state.consented_at:
        return connect_anew(key, fact, version=state.version + 1)
    return Decision(state=state)


def _going(
    key: StateKey, state: states.Disconnecting, fact: facts.Fact | Due, now: UtcDatetime
) -> Decision[states.Account]:
    decision: Decision[states.Account] = Decision(state=state)
    match fact:
        case facts.Granted():
            decision = _wanted_back(key, state, fact)
        case Due() if state.retry_at is not None and now >= state.retry_at:
            decision = Decision(state=msgspec.structs.replace(state, retry_at=None))
        case facts.Revoked() | facts.RevokeUnsettled():
            decision = _revoke_ended(key, state, fact, now)
        case facts.RefreshDone() | facts.RefreshRefused() | facts.RefreshUnsettled() | facts.Salvaged():
            decision = _pair_changed(key, state, fact, now)
        case facts.Rejected(version=version) if state.pair.version == version and not state.rejected:
            decision = _again(key, msgspec.structs.replace(state, rejected=True), facts.Trouble.TRANSIENT, now)
        case Due() | facts.Resealed() | facts.DisconnectAsked() | facts.RemovalTold():
            pass
        case facts.Issued() | facts.IssueFailed() | facts.Rejected() | facts.ProfileSeen() | facts.ProfileUnseen():
            pass
    return decision


def _revoke_ended(
    key: StateKey, state: states.Disconnecting, fact: facts.Revoked | facts.RevokeUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    match fact:
        case facts.Revoked(version=version) if state.pair.version == version:
            return _forget(key, state, revoked=True, now=now)
        case facts.RevokeUnsettled() if (state.pair.version, state.attempt) == (fact.version, fact.attempt):
            return _again(key, state, fact.trouble, now)
        case facts.Revoked() | facts.RevokeUnsettled():
            return Decision(state=state)


def _pair_changed(
    key: StateKey,
    state: states.Disconnecting,
    fact: facts.RefreshDone | facts.RefreshRefused | facts.RefreshUnsettled | facts.Salvaged,
    now: UtcDatetime,
) -> Decision[states.Account]:
    """A refresh that was under way, or that the goodbye needed, has ended."""
    if state.pair.version != fact.version:
        return Decision(state=state)
    match fact:
        case facts.RefreshDone(issued=facts.Issued(pair=pair)) | facts.Salvaged(pair=pair):
            renewed = msgspec.structs.replace(state, pair=pair, rejected=False)
            # A token that is born dead must not be renewed in a loop.
            return (
                Decision(state=renewed)
                if now < pair.access_expires_at
                else _again(key, renewed, facts.Trouble.TRANSIENT, now)
            )
        case facts.RefreshRefused() if not state.rejected and now < state.pair.access_expires_at:
            # The refresh was begun before the goodbye; the access token is still good to revoke with.
            return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1))
        case facts.RefreshRefused():
            # Nothing is left to revoke with. Where the access token is refused too, TikTok holds no grant, or one that
            # nobody has the tokens of.
            return _forget(key, state, revoked=state.rejected, now=now)
        case facts.RefreshUnsettled(trouble=trouble):
            return _again(key, state, trouble, now)


def _wanted_back(key: StateKey, state: states.Disconnecting, fact: facts.Granted) -> Decision[states.Account]:
    """The person connected again before TikTok heard of the end: there is nothing to revoke any more."""
    if fact.profile.tenant != state.profile.tenant:
        return refuse(key, state, fact)
    if fact.profile.consented_at <= state.profile.consented_at:
        return Decision(state=state)
    return connect_anew(key, fact, version=_highest(state) + 1)


def _again(
    key: StateKey, state: states.Disconnecting, trouble: facts.Trouble, now: UtcDatetime
) -> Decision[states.Account]:
    if now - state.since >= REVOKE_FOR:
        return _forget(key, state, revoked=False, now=now)
    retry_at = retry_time(key.partition_key, state.attempt, now, trouble)
    return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1, retry_at=retry_at))


def _forget(key: StateKey, state: states.Disconnecting, *, revoked: bool, now: UtcDatetime) -> Decision[states.Account]:
    return gone(
        key,
        state.profile,
        version=_highest(state),
        cause=DisconnectCause.REQUESTED,
        revoked=revoked,
        by=state.by,
        now=now,
    )


def _highest(state: states.Disconnecting) -> int:
    """Count the pairs that the goodbye took too: one of them may still come back, salvaged, under its version."""
    return max(state.version, state.pair.version)
