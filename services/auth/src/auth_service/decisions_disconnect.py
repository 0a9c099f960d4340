"""Disconnecting an account: on the tenant's request, or after TikTok's `authorization.removed` webhook.

A request withdraws the credential at once and then revokes the grant at TikTok. A webhook changes nothing by itself: it
may be late, doubled or wrong, so both tokens have to be refused before the account is deleted.
"""

from datetime import timedelta
from typing import Final, TypeVar

import msgspec

from auth_service import facts, plans, states
from auth_service.transitions import (
    DISCONNECTED,
    forget,
    refuse_other_tenant,
    start_connection,
    unchanged,
    version_of,
)
from common.clock import UtcDatetime
from common.contract.account import CredentialWithdrawn, DisconnectCause
from common.streams import Decision, Due, StateKey

Refresh = TypeVar("Refresh", states.Refreshing, states.RefreshBackoff)

TIKTOK: Final = "tiktok"
"""The `by` of the audit log for an account that its person removed at TikTok."""

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""Greatest difference assumed between TikTok's clock, which counts whole seconds, and ours.

A removal that is older than the consent by more than this belongs to an earlier connection.
"""

REVOKE_TIMEOUT: Final = timedelta(hours=24)
"""How long revoking is tried. Then the account is deleted without it: a person's data must not wait for TikTok."""


def on_disconnect_requested(
    key: StateKey, state: states.Active, fact: facts.DisconnectRequested, now: UtcDatetime
) -> Decision[states.Account]:
    """Withdraw the credential and begin to revoke. No service uses the account from here on."""
    profile, version = state.profile, version_of(state) + 1
    if profile.tenant != fact.tenant:
        return unchanged(state)
    match state:
        case states.ReauthorizationRequired():
            # No token is left to revoke with.
            cause = DisconnectCause.REQUESTED
            return forget(key, profile, version=version, cause=cause, revoked=False, by=fact.by, now=now)
        case states.PairState(pair=pair):
            leaving = states.Disconnecting(profile=profile, pair=pair, version=version, by=fact.by, since=now)
            withdrawn = CredentialWithdrawn(account_id=key.partition_key, version=version, reason=DISCONNECTED)
            return Decision(state=leaving, events=(withdrawn,))


def on_removal_webhook(
    key: StateKey, state: states.Active, fact: facts.RemovalReported, now: UtcDatetime
) -> Decision[states.Account]:
    """Plan the call that confirms a reported removal, unless the report is older than the newest consent."""
    if fact.at < state.profile.consented_at - CLOCK_TOLERANCE:
        return unchanged(state)
    next_state: states.Active = state
    match state:
        case states.Connected(profile=profile, pair=pair):
            refresh = states.RefreshProgress(since=now, removal=states.RemovalCheck())
            next_state = states.Refreshing(profile=profile, pair=pair, refresh=refresh)
        case states.Refreshing(refresh=refresh):
            # The attempt under way began before the report: only the next one proves anything by its success.
            next_state = _with_removal(state, first_attempt=refresh.attempt + 1)
        case states.RefreshBackoff(refresh=refresh):
            next_state = _with_removal(state, first_attempt=refresh.attempt)
        # The pair is not in use yet. The check follows once it is issued.
        case states.Issuing():
            next_state = msgspec.structs.replace(state, removal=states.RemovalCheck())
        case states.RefreshTokenRefused(profile=profile, pair=pair, code=code, message=message):
            next_state = states.CheckingRemoval(profile=profile, pair=pair, code=code, message=message, check_at=now)
        case states.ReauthorizationRequired() if fact.at >= state.profile.consented_at:
            # TikTok has refused both tokens already. Without a call to check it, the tolerance must not apply.
            return forget_removed(key, state, now)
        case states.CheckingRemoval() | states.ReauthorizationRequired():
            pass
    return Decision(state=next_state)


def forget_removed(key: StateKey, state: states.Active, now: UtcDatetime) -> Decision[states.Account]:
    """Delete an account that its person removed at TikTok: TikTok reported it and refuses both tokens."""
    return forget(
        key,
        state.profile,
        version=version_of(state) + 1,
        cause=DisconnectCause.REMOVED_AT_TIKTOK,
        revoked=True,
        by=TIKTOK,
        now=now,
    )


def check_removal(connected: Decision[states.Account], now: UtcDatetime) -> Decision[states.Account]:
    """Refresh a new pair at once: it may be older than the reported removal, so only another refresh shows."""
    if not isinstance(state := connected.state, states.Connected):
        return connected
    refresh = states.RefreshProgress(since=now, removal=states.RemovalCheck())
    refreshing = states.Refreshing(profile=state.profile, pair=state.pair, refresh=refresh)
    return Decision(state=refreshing, events=connected.events)


def _with_removal(state: Refresh, *, first_attempt: int) -> Refresh:
    refresh = msgspec.structs.replace(state.refresh, removal=states.RemovalCheck(first_attempt=first_attempt))
    return msgspec.structs.replace(state, refresh=refresh)


def on_fact(key: StateKey, state: states.Leaving, fact: facts.Fact | Due, now: UtcDatetime) -> Decision[states.Account]:
    """Return the next state of an account that is being disconnected, or was."""
    match state:
        case states.Disconnecting():
            return _while_disconnecting(key, state, fact, now)
        case states.Disconnected(version=version, consented_at=consented_at):
            # Any tenant may connect it now. An old consent, read again, may not.
            if isinstance(fact, facts.Consented) and fact.profile.consented_at > consented_at:
                return start_connection(key, fact, version=version + 1)
            return unchanged(state)


def _while_disconnecting(
    key: StateKey, state: states.Disconnecting, fact: facts.Fact | Due, now: UtcDatetime
) -> Decision[states.Account]:
    """Decide about a fact while TikTok is asked to revoke."""
    decision: Decision[states.Account] = unchanged(state)
    match fact:
        case facts.Consented():
            decision = _on_consent(key, state, fact)
        # Clearing the time is what makes `next_effect` request the call again.
        case Due() if state.retry_at is not None and now >= state.retry_at:
            decision = Decision(state=msgspec.structs.replace(state, retry_at=None))
        case facts.Revoked() | facts.RevokeUnsettled():
            decision = _on_revoke_result(key, state, fact, now)
        case facts.RefreshDone() | facts.RefreshRefused() | facts.RefreshUnsettled() | facts.HandedOff():
            decision = _on_refresh_result(key, state, fact, now)
        case facts.AccessTokenRejected(version=version) if state.pair.version == version and not state.access_rejected:
            rejected = msgspec.structs.replace(state, access_rejected=True)
            decision = _retry_later(key, rejected, facts.FailureClass.TRANSIENT, now)
        case Due() | facts.Resealed() | facts.DisconnectRequested() | facts.RemovalReported():
            pass
        case (
            facts.Issued()
            | facts.IssueFailed()
            | facts.AccessTokenRejected()
            | facts.ProfileFetched()
            | facts.ProfileFetchFailed()
        ):
            pass
    return decision


def _on_revoke_result(
    key: StateKey, state: states.Disconnecting, fact: facts.Revoked | facts.RevokeUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    """Forget the account once TikTok has answered; otherwise try again."""
    match fact:
        # A late answer may be about a pair that a refresh has replaced since.
        case facts.Revoked(version=version) if state.pair.version == version:
            return _forget_requested(key, state, revoked=True, now=now)
        case facts.RevokeUnsettled() if (state.pair.version, state.attempt) == (fact.version, fact.attempt):
            return _retry_later(key, state, fact.failure, now)
        case facts.Revoked() | facts.RevokeUnsettled():
            return unchanged(state)


def _on_refresh_result(
    key: StateKey,
    state: states.Disconnecting,
    fact: facts.RefreshDone | facts.RefreshRefused | facts.RefreshUnsettled | facts.HandedOff,
    now: UtcDatetime,
) -> Decision[states.Account]:
    """A refresh ended that was under way before, or that revoking needed for a new access token."""
    if state.pair.version != fact.version:
        return unchanged(state)
    match fact:
        case facts.RefreshDone(issued=facts.Issued(pair=pair)) | facts.HandedOff(pair=pair):
            renewed = msgspec.structs.replace(state, pair=pair, access_rejected=False)
            # A token that has ended already would be refreshed again at once, in a loop without a pause.
            if now >= pair.access_expires_at:
                return _retry_later(key, renewed, facts.FailureClass.TRANSIENT, now)
            return Decision(state=renewed)
        case facts.RefreshRefused() if not state.access_rejected and now < state.pair.access_expires_at:
            # The refresh began before the request. The access token is still good to revoke with.
            return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1))
        case facts.RefreshRefused():
            # No token is left to revoke with. If the access token was rejected too, TikTok holds no grant, or one
            # whose tokens are lost.
            return _forget_requested(key, state, revoked=state.access_rejected, now=now)
        case facts.RefreshUnsettled(failure=failure):
            return _retry_later(key, state, failure, now)


def _on_consent(key: StateKey, state: states.Disconnecting, fact: facts.Consented) -> Decision[states.Account]:
    """Take a consent that came before the revocation was done. Revoking now would end the new grant, so it stops."""
    # Until the disconnect is done the account is still the first tenant's.
    if fact.profile.tenant != state.profile.tenant:
        return refuse_other_tenant(key, state, fact)
    if fact.profile.consented_at <= state.profile.consented_at:
        return unchanged(state)
    return start_connection(key, fact, version=_highest_version(state) + 1)


def _retry_later(
    key: StateKey, state: states.Disconnecting, failure: facts.FailureClass, now: UtcDatetime
) -> Decision[states.Account]:
    """Try again after a pause, or give up after the time limit."""
    if now - state.since >= REVOKE_TIMEOUT:
        return _forget_requested(key, state, revoked=False, now=now)
    retry_at = plans.retry_time(key.partition_key, state.attempt, now, failure)
    return Decision(state=msgspec.structs.replace(state, attempt=state.attempt + 1, retry_at=retry_at))


def _forget_requested(
    key: StateKey, state: states.Disconnecting, *, revoked: bool, now: UtcDatetime
) -> Decision[states.Account]:
    """Forget an account whose tenant asked for it."""
    return forget(
        key,
        state.profile,
        version=_highest_version(state),
        cause=DisconnectCause.REQUESTED,
        revoked=revoked,
        by=state.by,
        now=now,
    )


def _highest_version(state: states.Disconnecting) -> int:
    """Count the pairs of this disconnection too: a worker may still hand one off under its version."""
    return max(state.version, state.pair.version)
