"""Decides how a fact changes an account: its next state, and the events that are published with it."""

import hashlib

import msgspec

from auth_service import decisions_disconnect, decisions_refresh, facts, plans, states
from auth_service.transitions import (
    adopt_pair,
    connect,
    describe,
    refuse_other_tenant,
    start_connection,
    unchanged,
    version_of,
    warn,
)
from common.clock import UtcDatetime
from common.contract.account import Risk
from common.streams import Decision, Due, StateKey


def decide(
    key: StateKey, state: states.Account | None, fact: facts.Fact | Due, now: UtcDatetime
) -> Decision[states.Account]:
    """Return the next state of an account. A fact may come twice or late: then nothing changes."""
    # Only a consent creates an account. Any other fact without a state is late, or about an account never connected.
    if state is None:
        return start_connection(key, fact, version=1) if isinstance(fact, facts.Consented) else Decision(state=None)
    # Before the states are distinguished: a pair can be resealed while the account disconnects, too.
    if isinstance(fact, facts.Resealed):
        return on_resealed(state, fact)
    if isinstance(state, states.Leaving):
        return decisions_disconnect.on_fact(key, state, fact, now)
    return _decide_active(key, state, fact, now)


def _decide_active(
    key: StateKey, state: states.Active, fact: facts.Fact | Due, now: UtcDatetime
) -> Decision[states.Account]:
    """Decide for an account that is neither disconnecting nor disconnected."""
    decision: Decision[states.Account]
    match fact:
        case Due():
            decision = on_due(key, state, now)
        case (
            facts.Consented()
            | facts.HandedOff()
            | facts.Resealed()
            | facts.DisconnectRequested()
            | facts.RemovalReported()
        ):
            decision = on_command(key, state, fact, now)
        case facts.Issued() | facts.IssueFailed():
            decision = on_issue_result(key, state, fact, now)
        case facts.RefreshDone() | facts.RefreshRefused() | facts.RefreshUnsettled():
            decision = decisions_refresh.on_refresh_result(key, state, fact, now)
        case facts.AccessTokenRejected():
            decision = decisions_refresh.on_access_token_rejected(key, state, fact, now)
        case facts.ProfileFetched() | facts.ProfileFetchFailed():
            decision = on_profile(key, state, fact, now)
        case facts.Revoked() | facts.RevokeUnsettled():
            # The person connected again while the revocation was under way.
            decision = unchanged(state)
    return decision


def on_command(key: StateKey, state: states.Active, fact: facts.Command, now: UtcDatetime) -> Decision[states.Account]:
    """A person, a tenant, TikTok or another worker wants something of a connected account."""
    match fact:
        case facts.Consented():
            return on_consent(key, state, fact)
        case facts.HandedOff():
            return on_handed_off(state, fact)
        case facts.Resealed():
            return on_resealed(state, fact)
        case facts.DisconnectRequested():
            return decisions_disconnect.on_disconnect_requested(key, state, fact, now)
        case facts.RemovalReported():
            return decisions_disconnect.on_removal_webhook(key, state, fact, now)


def on_consent(key: StateKey, state: states.Active, fact: facts.Consented) -> Decision[states.Account]:
    """A person connected again. The newest consent counts, and the account stays with its tenant."""
    if state.profile.tenant != fact.profile.tenant:
        return refuse_other_tenant(key, state, fact)
    # The command may be read again after a restart. An old consent would bring back a pair that was rotated since.
    if fact.profile.consented_at <= state.profile.consented_at:
        return unchanged(state)
    return start_connection(key, fact, version=version_of(state) + 1)


def on_due(key: StateKey, state: states.Active, now: UtcDatetime) -> Decision[states.Account]:
    """Go on after a wait.

    A state that waits for nothing, or not for this time, stays as it is: a timer may fire late or twice.
    """
    match state:
        # A due refresh goes before a due warning: the new pair may end the reason to warn.
        case states.Connected(refresh_at=at) if now >= at:
            refresh = states.RefreshProgress(since=now)
            return Decision(state=states.Refreshing(profile=state.profile, pair=state.pair, refresh=refresh))
        case states.Connected():
            return _warn_of_refresh_token_end(key, state, now)
        case states.RefreshBackoff(retry_at=at) if now >= at:
            return Decision(state=decisions_refresh.next_attempt(state))
        # The access token was used to its end, because only the refresh token was refused.
        case states.RefreshTokenRefused() | states.CheckingRemoval() if now >= state.pair.access_expires_at:
            return decisions_refresh.on_access_ended(key, state, now)
        case states.ActiveState():
            return unchanged(state)


def on_handed_off(state: states.Active, fact: facts.HandedOff) -> Decision[states.Account]:
    """Another worker's refresh succeeded after all. Its pair is as good as one of our own."""
    match state:
        case (
            states.Refreshing() | states.RefreshBackoff() | states.RefreshTokenRefused() | states.CheckingRemoval()
        ) if state.pair.version == fact.version:
            # The pair may be older than the reported removal, so the check starts again with the next refresh.
            removal = states.RemovalCheck() if decisions_refresh.removal_reported(state) else None
            return adopt_pair(state, fact.scopes, fact.pair, reason=states.IssueReason.HANDED_OFF, removal=removal)
        # The withdrawal took the next version. A pair for that same version is the one that the refresh was to bring.
        case states.ReauthorizationRequired(version=version) if version == fact.version + 1:
            return adopt_pair(state, fact.scopes, fact.pair, reason=states.IssueReason.CONNECTED)
        case states.ActiveState():
            return unchanged(state)


def on_issue_result(
    key: StateKey, state: states.Active, fact: facts.Issued | facts.IssueFailed, now: UtcDatetime
) -> Decision[states.Account]:
    """A pair was sealed to the services, or did not open. Then it is tried again, because keys can be put back."""
    match state, fact:
        case states.Issuing(profile=profile), facts.Issued() if _is_of(fact, state.version, state.pair):
            # A pair that was handed off may have other scopes than the account's published description.
            published = None if state.reason is states.IssueReason.HANDED_OFF else profile
            new = state.reason is states.IssueReason.CONNECTED
            decided = connect(key, profile, fact, published=published, new=new)
            return decided if state.removal is None else decisions_disconnect.check_removal(decided, now)
        case states.Connected(profile=profile), facts.Issued() if _is_of(fact, state.pair.version + 1, state.pair):
            return connect(key, profile, fact, published=profile)
        # No retry limit: an operator can put a missing vault key back, and the pair is still good.
        case states.Issuing(version=version, attempt=n), facts.IssueFailed() if version == fact.version:
            retry_at = plans.retry_time(key.partition_key, n, now)
            return Decision(state=msgspec.structs.replace(state, attempt=n + 1, retry_at=retry_at))
        case states.Connected(profile=profile, pair=pair), facts.IssueFailed() if pair.version + 1 == fact.version:
            # This failure was the first attempt, so the next one is the second.
            resealing = states.Issuing(
                profile=profile,
                pair=pair,
                version=fact.version,
                reason=states.IssueReason.RESEALED,
                attempt=2,
                retry_at=plans.retry_time(key.partition_key, 1, now),
            )
            return Decision(state=resealing)
        case states.ActiveState(), (facts.Issued() | facts.IssueFailed()):
            return unchanged(state)


def on_profile(
    key: StateKey, state: states.Active, fact: facts.ProfileFetched | facts.ProfileFetchFailed, now: UtcDatetime
) -> Decision[states.Account]:
    """TikTok answered who the person is, or did not. Either shows that the access token was not rejected."""
    match state, fact:
        case states.Connected(pair=pair, profile=profile), facts.ProfileFetched() if pair.version == fact.version:
            fetched = msgspec.structs.replace(
                profile,
                display_name=fact.display_name,
                username=fact.username,
                avatar_url=fact.avatar_url,
                fetched_at=now,
            )
            # `fetched_at` changes each time and is not published, so only a real change makes an event.
            changed = describe(key, fetched) != describe(key, profile)
            next_state = msgspec.structs.replace(state, profile=fetched)
            return Decision(state=next_state, events=(describe(key, fetched),) if changed else ())
        case states.Connected(pair=pair, profile=profile), facts.ProfileFetchFailed() if pair.version == fact.version:
            later = plans.profile_fetch_failed(key.partition_key, profile, now)
            return Decision(state=msgspec.structs.replace(state, profile=later))
        case states.CheckingRemoval(pair=pair), (facts.ProfileFetched() | facts.ProfileFetchFailed()) if (
            pair.version == fact.version
        ):
            return decisions_refresh.on_removal_checked(key, state, fact, now)
        case states.ActiveState(), (facts.ProfileFetched() | facts.ProfileFetchFailed()):
            return unchanged(state)


def on_resealed(state: states.Account, fact: facts.Resealed) -> Decision[states.Account]:
    """Replace a sealed pair by the same pair under another key.

    `replaces` names the exact text. If a refresh or a person was faster, the command is about a pair that is gone.
    """
    match state:
        case states.ReauthorizationRequired() | states.Disconnected():
            return unchanged(state)
        case states.PairState() | states.Disconnecting():
            # The version does not change on resealing, so it cannot show which text is meant. The hash can.
            if hashlib.sha256(state.pair.sealed.encode()).hexdigest() != fact.replaces:
                return unchanged(state)
            pair = msgspec.structs.replace(state.pair, sealed=fact.sealed)
            return Decision(state=msgspec.structs.replace(state, pair=pair))


def _warn_of_refresh_token_end(key: StateKey, state: states.Connected, now: UtcDatetime) -> Decision[states.Account]:
    """Warn the tenant, once for each end, of a refresh token whose end refreshing does not put off."""
    at, ends_at = plans.warning_time(state.profile, state.pair), state.pair.refresh_expires_at
    if at is None or now < at:
        return unchanged(state)
    profile = msgspec.structs.replace(state.profile, warned_end=ends_at)
    warned = msgspec.structs.replace(state, profile=profile)
    reason = f"the refresh token ends at {ends_at.isoformat()}"
    return warn(key, warned, reason, now, risk=Risk.REFRESH_TOKEN_ENDING)


def _is_of(issued: facts.Issued, version: int, pair: states.SealedTokenPair) -> bool:
    """Return whether an issued pair is this one. Two pairs may be meant for one version, but differ in grant time."""
    return issued.pair.version == version and issued.pair.granted_at == pair.granted_at
