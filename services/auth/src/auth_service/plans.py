"""When to do what: the one thing each account wants next, and how long things wait."""

import hashlib
from datetime import timedelta
from typing import TypeAlias

import msgspec

from auth_service import effects, facts, states
from common.clock import UtcDatetime
from common.streams import Background, StateKey, Wait

REFRESH_SHARE = 0.25
"""The share of a token's life that is left when it is refreshed."""

REFRESH_LEAD = timedelta(minutes=5)
"""What is left of a token's life at the least; half of it where it lives under ten minutes."""

JITTER = 0.05
"""Refreshes are spread over this share of a token's life, so that accounts connected together drift apart."""

REJECTION_PAUSE = timedelta(seconds=30)
"""A pair younger than this is not refreshed for being rejected: a token TikTok never takes must not loop."""

SHORTEST_WAIT = timedelta(seconds=5)
"""No pair is refreshed sooner after its grant, however short TikTok says it lives."""

RETRY_LIMIT = timedelta(minutes=5)
"""The longest pause between two attempts of one refresh."""

WARNING_LEAD = timedelta(days=14)
"""How long before a refresh token's end the tenant is told, where refreshing does not put the end off."""

WARNING_SHARE = 0.1
"""The same for short lives, as a share."""

SAME_END = timedelta(days=1)
"""Refresh tokens that end within this of each other are one end: TikTok tells remaining seconds."""

LOOK_EVERY = timedelta(days=1)
"""How often TikTok is asked who the person is, at the least: names change, and avatar addresses end after days."""

LOOK_AGAIN = timedelta(hours=1)
"""When it did not say, at the latest."""

LOOK_EARLIER = 0.25
"""Each account's looks come earlier by up to this share: accounts that were connected together drift apart."""

NAME_SCOPE = "user.info.basic"
"""The scope that lets us ask."""

Wanted: TypeAlias = effects.Effect | Background[effects.Effect] | Wait | None


def next_effect(key: StateKey, state: states.Account, now: UtcDatetime, *, recipients: str) -> Wanted:
    """Say what the account wants next. `recipients` is the fingerprint of the keys in force."""
    wanted: Wanted
    match state:
        case states.Issuing(retry_at=at) | states.Disconnecting(retry_at=at) if at is not None and now < at:
            wanted = Wait(at)
        case states.Issuing(pair=pair, version=version):
            wanted = effects.Issue(pair=pair, version=version)
        case states.Connected(pair=pair) if state.recipients != recipients:
            wanted = effects.Issue(pair=pair, version=pair.version + 1)
        case states.Connected():
            wanted = _while_connected(key.partition_key, state, now)
        case states.Ailing(retry_at=at):
            wanted = Wait(at)
        case states.Refreshing(profile=profile, pair=pair, attempt=attempt):
            wanted = effects.Refresh(app=effects.app_of(profile), pair=pair, attempt=attempt)
        case states.Expiring():
            wanted = _look(state, state.check_at, state.pair.access_expires_at, now)
        case states.Disconnecting():
            wanted = _to_revoke(state, now)
        case states.NeedsPerson() | states.Disconnected():
            wanted = None
    return wanted


def _while_connected(account_id: str, state: states.Connected, now: UtcDatetime) -> Background[effects.Effect] | Wait:
    times = (state.refresh_at, warning_time(state.profile, state.pair))
    until = min(time for time in times if time is not None)
    return _look(state, look_time(account_id, state.profile), until, now)


def _look(
    state: states.Connected | states.Expiring, at: UtcDatetime | None, until: UtcDatetime, now: UtcDatetime
) -> Background[effects.Effect] | Wait:
    """Look at `at`, if at all, and no longer than `until`."""
    if at is None or until <= max(at, now):
        return Wait(until)
    if now < at:
        return Wait(at)
    look = effects.Look(app=effects.app_of(state.profile), pair=state.pair, scopes=state.profile.scopes)
    return Background(effect=look, until=until)


def _to_revoke(state: states.Disconnecting, now: UtcDatetime) -> effects.Effect:
    """TikTok revokes by the access token; where that is good no more, a new one is needed to say goodbye."""
    app, pair, attempt = effects.app_of(state.profile), state.pair, state.attempt
    if now < pair.access_expires_at and not state.rejected:
        return effects.Revoke(app=app, pair=pair, attempt=attempt)
    return effects.Refresh(app=app, pair=pair, attempt=attempt)


def warning_time(profile: states.Profile, pair: states.Pair) -> UtcDatetime | None:
    """When the tenant is to hear that the refresh token ends; None once it was told of this end."""
    if profile.warned_of is not None and pair.refresh_expires_at - profile.warned_of < SAME_END:
        return None
    lead = min(WARNING_LEAD, refresh_life(profile, pair) * WARNING_SHARE)
    return pair.refresh_expires_at - lead


def refresh_life(profile: states.Profile, pair: states.Pair) -> timedelta:
    """How long the account's refresh tokens live: the longest that TikTok gave one, this pair's included."""
    return max(profile.refresh_life, pair.refresh_expires_at - pair.granted_at)


def look_time(account_id: str, profile: states.Profile) -> UtcDatetime | None:
    """When to ask who the person is; None where they did not grant that."""
    seen_at = profile.seen_at or profile.consented_at
    return seen_at + _at_most(LOOK_EVERY, account_id) if NAME_SCOPE in profile.scopes else None


def unseen(account_id: str, profile: states.Profile, now: UtcDatetime) -> states.Profile:
    """Plan another look, since TikTok did not say."""
    seen_at = now + _at_most(LOOK_AGAIN, account_id) - _at_most(LOOK_EVERY, account_id)
    return msgspec.structs.replace(profile, seen_at=seen_at)


def refresh_time(account_id: str, pair: states.Pair) -> UtcDatetime:
    """Plan the refresh from the pair's own life; the same pair always gets the same time."""
    life = pair.access_expires_at - pair.granted_at
    lead = max(life * REFRESH_SHARE, min(REFRESH_LEAD, life / 2))
    early = life * JITTER * _fraction(f"{account_id}|{pair.version}")
    return max(pair.access_expires_at - lead - early, pair.granted_at + SHORTEST_WAIT)


def time_after_rejection(pair: states.Pair) -> UtcDatetime:
    """Plan the refresh of a pair whose access token TikTok refuses; most often that time is past."""
    return pair.granted_at + REJECTION_PAUSE


def retry_time(
    account_id: str, attempt: int, now: UtcDatetime, trouble: facts.Trouble = facts.Trouble.TRANSIENT
) -> UtcDatetime:
    """Plan the next attempt: after 1 to 2 s, 2 to 4 s, 4 to 8 s … and at most every five minutes.

    Where TikTok counted too many calls the first pause is half a minute to one; a wrong setting is tried every five.
    """
    doubled = 2 ** min(attempt, 16)
    ceilings = {
        facts.Trouble.TRANSIENT: timedelta(seconds=doubled),
        facts.Trouble.RATE_LIMITED: timedelta(seconds=30 * doubled),
        facts.Trouble.MISCONFIGURED: RETRY_LIMIT,
    }
    return now + min(ceilings[trouble], RETRY_LIMIT) * (0.5 + 0.5 * _fraction(f"{account_id}|{attempt}"))


def _at_most(longest: timedelta, account_id: str) -> timedelta:
    return longest * (1 - LOOK_EARLIER * _fraction(account_id))


def _fraction(text: str) -> float:
    """Spread texts evenly over 0 to 1, always the same way."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
