"""Decides how an account's refresh goes on: a new pair, another attempt, or TikTok's refusal.

TikTok rotates refresh tokens. If the answer to a refresh is lost, the old token may already be dead. It is tried again,
and a refusal then means that the pair is lost: the access token is used up, and the person has to connect again.
"""

from typing import Final, TypeAlias

import msgspec

from auth_service import decisions_disconnect, facts, plans, states
from auth_service.transitions import adopt_pair, connect, require_reauthorization, unchanged, warn, with_scopes
from common.clock import UtcDatetime
from common.contract.account import Risk
from common.streams import Decision, StateKey

AT_RISK_AFTER: Final = 5
"""Failed attempts of one refresh, about half a minute, after which the tenant is warned."""

Unrefreshed: TypeAlias = states.Refreshing | states.RefreshBackoff | states.RefreshTokenRefused | states.CheckingRemoval
"""The states whose pair a refresh was started for: a late answer can still replace it."""


def on_refresh_result(
    key: StateKey, state: states.Active, fact: facts.RefreshResult, now: UtcDatetime
) -> Decision[states.Account]:
    """A refresh ended. Its result applies to the version it was made from, and to no other."""
    if isinstance(fact, facts.RefreshDone):
        return on_refreshed(key, state, fact, now)
    return on_refresh_failed(key, state, fact, now)


def on_refreshed(
    key: StateKey, state: states.Active, fact: facts.RefreshDone, now: UtcDatetime
) -> Decision[states.Account]:
    """TikTok gave a new pair. Any attempt may have brought it, also one that was believed lost."""
    match state:
        case (
            states.Refreshing() | states.RefreshBackoff() | states.RefreshTokenRefused() | states.CheckingRemoval()
        ) if state.pair.version == fact.version:
            # The version matches, so the pair was made from this one and replaces it.
            profile = with_scopes(state.profile, fact.scopes)
            decided = connect(key, profile, fact.issued, published=state.profile)
            return decisions_disconnect.check_removal(decided, now) if _may_be_removed_since(state) else decided
        case states.ReauthorizationRequired(version=version) if version == fact.version + 1:
            # The withdrawal has used this version, so the pair is issued again under a newer one.
            return adopt_pair(state, fact.scopes, fact.issued.pair, reason=states.IssueReason.CONNECTED)
        case states.ActiveState():
            return unchanged(state)


def on_refresh_failed(
    key: StateKey, state: states.Active, fact: facts.RefreshRefused | facts.RefreshUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    """There is no new pair. A refusal may follow a lost answer, so the access token is used to its end."""
    match state, fact:
        case states.Refreshing(), facts.RefreshRefused() if state.pair.version == fact.version:
            return _on_refused(key, state, fact, now)
        # Attempt and version: an answer to an earlier attempt must not delay this one.
        case states.Refreshing(pair=pair, refresh=refresh), facts.RefreshUnsettled() if (
            pair.version,
            refresh.attempt,
        ) == (fact.version, fact.attempt):
            return _retry_later(key, state, fact, now)
        case states.ActiveState(), (facts.RefreshRefused() | facts.RefreshUnsettled()):
            return unchanged(state)


def on_access_token_rejected(
    key: StateKey, state: states.Active, fact: facts.AccessTokenRejected, now: UtcDatetime
) -> Decision[states.Account]:
    """TikTok rejected an access token. If it is the newest one, only a refresh can show what is wrong."""
    match state:
        # An older version was replaced already; its rejection says nothing about the newest.
        case states.Connected(pair=pair) if pair.version == fact.version:
            return _refresh_rejected(key, state, now)
        case states.Refreshing(pair=pair) | states.RefreshBackoff(pair=pair) if pair.version == fact.version:
            # The refresh under way answers the question. If it fails, both tokens are known to be refused.
            refresh = msgspec.structs.replace(state.refresh, access_rejected=True)
            return Decision(state=msgspec.structs.replace(state, refresh=refresh))
        case states.RefreshTokenRefused(pair=pair) | states.CheckingRemoval(pair=pair) if pair.version == fact.version:
            return on_access_ended(key, state, now)
        case states.ActiveState():
            return unchanged(state)


def on_access_ended(
    key: StateKey, state: states.RefreshTokenRefused | states.CheckingRemoval, now: UtcDatetime
) -> Decision[states.Account]:
    """Neither token works any more. If TikTok reported a removal, this confirms it."""
    match state:
        case states.CheckingRemoval():
            return decisions_disconnect.forget_removed(key, state, now)
        case states.RefreshTokenRefused(profile=profile, pair=pair, code=code, message=message):
            return require_reauthorization(key, profile, pair, code=code, message=message, now=now)


def on_removal_checked(
    key: StateKey,
    state: states.CheckingRemoval,
    fact: facts.ProfileFetched | facts.ProfileFetchFailed,
    now: UtcDatetime,
) -> Decision[states.Account]:
    """The access token was tried. If it works, the report was wrong; if TikTok did not answer, it is tried again."""
    next_state: states.CheckingRemoval | states.RefreshTokenRefused
    match fact:
        case facts.ProfileFetched():
            next_state = states.RefreshTokenRefused(
                profile=state.profile, pair=state.pair, code=state.code, message=state.message
            )
        case facts.ProfileFetchFailed():
            next_state = msgspec.structs.replace(state, check_at=now + plans.PROFILE_RETRY)
    # The warning was held back while the account might have been removed: such a tenant needs no warning.
    if next_state.profile.risk is Risk.REFRESH_REFUSED:
        return Decision(state=next_state)
    return warn(key, next_state, state.code, now, risk=Risk.REFRESH_REFUSED)


def next_attempt(state: states.RefreshBackoff) -> states.Refreshing:
    """Start the next attempt with the same pair."""
    return states.Refreshing(profile=state.profile, pair=state.pair, refresh=state.refresh)


def removal_reported(state: Unrefreshed) -> bool:
    """Return whether TikTok reported a removal that is not checked yet."""
    match state:
        case states.Refreshing(refresh=refresh) | states.RefreshBackoff(refresh=refresh):
            return refresh.removal is not None
        case states.CheckingRemoval():
            return True
        case states.RefreshTokenRefused():
            return False


def _may_be_removed_since(state: Unrefreshed) -> bool:
    """Return whether a removal was reported that the success of this refresh does not disprove."""
    match state:
        case states.Refreshing(refresh=refresh):
            return refresh.removal is not None and refresh.attempt < refresh.removal.first_attempt
        case states.RefreshBackoff() | states.RefreshTokenRefused() | states.CheckingRemoval():
            # No attempt is under way, so the answer is a late one to an attempt before the report.
            return removal_reported(state)


def _on_refused(
    key: StateKey, state: states.Refreshing, fact: facts.RefreshRefused, now: UtcDatetime
) -> Decision[states.Account]:
    """Decide after TikTok refused the refresh token."""
    # With a good access token the services go on, and the tenant has time to act.
    profile, pair, code, message = state.profile, state.pair, fact.code, fact.message
    if state.refresh.access_rejected or now >= pair.access_expires_at:
        if state.refresh.removal is not None:
            return decisions_disconnect.forget_removed(key, state, now)
        return require_reauthorization(key, profile, pair, code=code, message=message, now=now)
    if state.refresh.removal is not None:
        # One refusal may come from a lost answer. The access token has to be refused too before the account is deleted.
        return Decision(
            state=states.CheckingRemoval(profile=profile, pair=pair, code=code, message=message, check_at=now)
        )
    refused = states.RefreshTokenRefused(profile=profile, pair=pair, code=code, message=message)
    return warn(key, refused, code, now, risk=Risk.REFRESH_REFUSED)


def _refresh_rejected(key: StateKey, state: states.Connected, now: UtcDatetime) -> Decision[states.Account]:
    """Refresh a rejected pair at once, or when it is old enough."""
    profile, account_id = state.profile, key.partition_key
    fetch_at = plans.profile_fetch_time(account_id, profile)
    if fetch_at is not None and fetch_at <= now:
        # Perhaps our own profile fetch was rejected. The next pair must not be tried by it at once: if the fetch
        # itself is at fault, each new pair would be rejected again.
        profile = plans.profile_fetch_failed(account_id, profile, now)
    waiting = states.RefreshBackoff(
        profile=profile,
        pair=state.pair,
        refresh=states.RefreshProgress(since=now, access_rejected=True),
        retry_at=plans.time_after_rejection(state.pair),
    )
    return Decision(state=next_attempt(waiting) if now >= waiting.retry_at else waiting)


def _retry_later(
    key: StateKey, state: states.Refreshing, fact: facts.RefreshUnsettled, now: UtcDatetime
) -> Decision[states.Account]:
    """Plan the next attempt after one without a clear answer."""
    attempt = state.refresh.attempt
    waiting = states.RefreshBackoff(
        profile=state.profile,
        pair=state.pair,
        refresh=msgspec.structs.replace(state.refresh, failed_attempts=attempt),
        retry_at=plans.retry_time(key.partition_key, attempt, now, fact.failure),
    )
    # Exactly once: later attempts of the same refresh must not repeat the warning.
    if attempt != AT_RISK_AFTER:
        return Decision(state=waiting)
    return warn(key, waiting, fact.reason, now, risk=Risk.REFRESH_FAILING)
