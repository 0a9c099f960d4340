"""Plans the one thing that each account does next, and every time that it waits for."""

from datetime import timedelta
from typing import Final, TypeAlias

import msgspec

from auth_service import effects, facts, states
from common.backoff import exponential, stable_jitter
from common.clock import UtcDatetime
from common.streams import Background, StateKey, Wait

REFRESH_SHARE: Final = 0.25
"""The share of an access token's life that is left when it is refreshed."""

REFRESH_LEAD: Final = timedelta(minutes=5)
"""The least that is left of an access token's life. Half of the life if it is shorter than ten minutes."""

JITTER: Final = 0.05
"""Refreshes are spread over this share of a token's life, so that accounts connected together do not stay in step."""

REJECTION_PAUSE: Final = timedelta(seconds=30)
"""The age at which a rejected pair may be refreshed. Otherwise a token that TikTok always rejects makes a busy loop."""

SHORTEST_WAIT: Final = timedelta(seconds=5)
"""No pair is refreshed earlier than this after its grant, whatever lifetime TikTok gives."""

RETRY_LIMIT: Final = timedelta(minutes=5)
"""The longest pause between two attempts of one refresh."""

WARNING_LEAD: Final = timedelta(days=14)
"""How long before its refresh token ends the tenant is warned, if refreshing does not put the end off."""

WARNING_SHARE: Final = 0.1
"""The same lead as a share of the token's life, for short lives."""

SAME_END: Final = timedelta(days=1)
"""Two refresh tokens that end within this time end together. TikTok gives remaining seconds, so ends are not exact."""

PROFILE_INTERVAL: Final = timedelta(days=1)
"""The longest time between two fetches of the profile. Names change, and avatar addresses expire after days."""

PROFILE_RETRY: Final = timedelta(hours=1)
"""The longest time until the next fetch if one failed."""

PROFILE_JITTER: Final = 0.25
"""Each account's fetches come earlier by up to this share, so that accounts connected together do not stay in step."""

NAME_SCOPE: Final = "user.info.basic"
"""The scope that a profile fetch needs."""


Wanted: TypeAlias = effects.Effect | Background[effects.Effect] | Wait | None


def next_effect(key: StateKey, state: states.Account, now: UtcDatetime, *, recipients: str) -> Wanted:
    """Return the effect that the account requests next. `recipients` is the fingerprint of the services' keys."""
    wanted: Wanted
    match state:
        case states.Issuing(retry_at=at) | states.Disconnecting(retry_at=at) if at is not None and now < at:
            wanted = Wait(at)
        case states.Issuing(pair=pair, version=version):
            wanted = effects.Issue(pair=pair, version=version)
        case states.Connected():
            wanted = _while_connected(key.partition_key, state, now, recipients)
        case states.RefreshBackoff(retry_at=at):
            wanted = Wait(at)
        case states.Refreshing(profile=profile, pair=pair, refresh=refresh):
            wanted = effects.Refresh(app=effects.app_of(profile), pair=pair, attempt=refresh.attempt)
        case states.RefreshTokenRefused(pair=pair):
            wanted = Wait(pair.access_expires_at)
        case states.CheckingRemoval(check_at=at, pair=pair):
            wanted = _fetch_profile(state, at, pair.access_expires_at, now)
        case states.Disconnecting():
            wanted = _to_revoke(state, now)
        case states.ReauthorizationRequired() | states.Disconnected():
            wanted = None
    return wanted


def _while_connected(account_id: str, state: states.Connected, now: UtcDatetime, recipients: str) -> Wanted:
    """Issue the pair again for new keys; otherwise fetch the profile when it is due, or wait."""
    # Before every wait: until the pair is issued again, that service cannot act for the account.
    if state.recipients != recipients:
        # A service has a new key and cannot open its token. Issuing needs no call to TikTok.
        return effects.Issue(pair=state.pair, version=state.pair.version + 1)
    # The profile fetch runs in the background only until the next of these times, so it delays neither.
    times = (state.refresh_at, warning_time(state.profile, state.pair))
    until = min(time for time in times if time is not None)
    fetch_at = profile_fetch_time(account_id, state.profile)
    return Wait(until) if fetch_at is None else _fetch_profile(state, fetch_at, until, now)


def _fetch_profile(
    state: states.Connected | states.CheckingRemoval, at: UtcDatetime, until: UtcDatetime, now: UtcDatetime
) -> Background[effects.Effect] | Wait:
    """Fetch the profile from `at` on, in the background: nothing waits for it, and it ends at `until`."""
    # No fetch may start at or after `until`: another step of the account is due then.
    if until <= max(at, now):
        return Wait(until)
    if now < at:
        return Wait(at)
    fetch = effects.FetchProfile(app=effects.app_of(state.profile), pair=state.pair, scopes=state.profile.scopes)
    return Background(effect=fetch, until=until)


def _to_revoke(state: states.Disconnecting, now: UtcDatetime) -> effects.Effect:
    """Revoke with the access token. If that is over or rejected, a refresh has to bring another one first."""
    app, pair, attempt = effects.app_of(state.profile), state.pair, state.attempt
    if now < pair.access_expires_at and not state.access_rejected:
        return effects.Revoke(app=app, pair=pair, attempt=attempt)
    return effects.Refresh(app=app, pair=pair, attempt=attempt)


def warning_time(profile: states.Profile, pair: states.SealedTokenPair) -> UtcDatetime | None:
    """Return when to warn the tenant that the refresh token ends; None after it was warned of this end."""
    if profile.warned_end is not None and pair.refresh_expires_at - profile.warned_end < SAME_END:
        return None
    # The smaller lead: 14 days may be longer than the whole life of a short refresh token.
    lead = min(WARNING_LEAD, refresh_life(profile, pair) * WARNING_SHARE)
    return pair.refresh_expires_at - lead


def refresh_life(profile: states.Profile, pair: states.SealedTokenPair) -> timedelta:
    """Return the longest refresh-token lifetime seen for the account, this pair's included."""
    return max(profile.refresh_life, pair.refresh_expires_at - pair.granted_at)


def profile_fetch_time(account_id: str, profile: states.Profile) -> UtcDatetime | None:
    """Return when to fetch the profile; None if the person did not grant that."""
    # A consent fetches the profile too, so its time counts until the first fetch afterwards.
    fetched_at = profile.fetched_at or profile.consented_at
    return fetched_at + _at_most(PROFILE_INTERVAL, account_id) if NAME_SCOPE in profile.scopes else None


def profile_fetch_failed(account_id: str, profile: states.Profile, now: UtcDatetime) -> states.Profile:
    """Plan another fetch of the profile within `PROFILE_RETRY`.

    The plan is stored as the `fetched_at` that leads to it, so that one rule gives the next time in both cases.
    """
    fetched_at = now + _at_most(PROFILE_RETRY, account_id) - _at_most(PROFILE_INTERVAL, account_id)
    return msgspec.structs.replace(profile, fetched_at=fetched_at)


def refresh_time(account_id: str, pair: states.SealedTokenPair) -> UtcDatetime:
    """Return when to refresh a pair, from its own lifetime. The same pair always gets the same time."""
    life = pair.access_expires_at - pair.granted_at
    # Never more than half of a short life: the whole lead would leave no time to use the token.
    lead = max(life * REFRESH_SHARE, min(REFRESH_LEAD, life / 2))
    # From the account and version, not at random: a replay has to find the same time.
    early = life * JITTER * stable_jitter(f"{account_id}|{pair.version}")
    return max(pair.access_expires_at - lead - early, pair.granted_at + SHORTEST_WAIT)


def time_after_rejection(pair: states.SealedTokenPair) -> UtcDatetime:
    """Return when a rejected pair may be refreshed. Most often that time is in the past."""
    return pair.granted_at + REJECTION_PAUSE


def retry_time(
    account_id: str,
    attempt: int,
    now: UtcDatetime,
    failure: facts.FailureClass = facts.FailureClass.TRANSIENT,
) -> UtcDatetime:
    """Return when to try again: after 1 to 2 s, 2 to 4 s, 4 to 8 s …, and at most after five minutes.

    After HTTP 429 the first pause is 30 to 60 s. A wrong setting needs an operator, so it is tried every 2.5 to 5 min.
    """
    longest = {
        facts.FailureClass.TRANSIENT: exponential(timedelta(seconds=1), RETRY_LIMIT, attempt),
        facts.FailureClass.RATE_LIMITED: exponential(timedelta(seconds=30), RETRY_LIMIT, attempt),
        facts.FailureClass.MISCONFIGURED: RETRY_LIMIT,
    }
    # Half of the pause is jitter: accounts that failed together do not all come back at once.
    return now + longest[failure] * (0.5 + 0.5 * stable_jitter(f"{account_id}|{attempt}"))


def _at_most(longest: timedelta, account_id: str) -> timedelta:
    """Shorten a time by up to `PROFILE_JITTER` of it, always by the same share for one account."""
    return longest * (1 - PROFILE_JITTER * stable_jitter(account_id))
