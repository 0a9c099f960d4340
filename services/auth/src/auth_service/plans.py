"""When to do what: the one thing each account wants next, and how long things wait."""

import hashlib
from datetime import timedelta

from auth_service.account import (
    Account,
    Ailing,
    Connected,
    Effect,
    Expiring,
    Issue,
    Issuing,
    NeedsPerson,
    Pair,
    Refresh,
    Refreshing,
)
from common.instants import Instant
from common.streams.machine import Key, Wait

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


def todo(key: Key, state: Account, now: Instant, *, recipients: str) -> Effect | Wait | None:
    """Say what the account wants next. `recipients` is the fingerprint of the keys in force."""
    del key
    wanted: Effect | Wait | None
    match state:
        case Issuing(retry_at=at) if at is not None and now < at:
            wanted = Wait(at)
        case Issuing(pair=pair, version=version):
            wanted = Issue(pair=pair, version=version)
        case Connected(pair=pair) if state.recipients != recipients:
            wanted = Issue(pair=pair, version=pair.version + 1)
        case Connected(refresh_at=at) | Ailing(retry_at=at):
            wanted = Wait(at)
        case Refreshing(pair=pair, attempt=attempt):
            wanted = Refresh(pair=pair, attempt=attempt)
        case Expiring(pair=pair):
            wanted = Wait(pair.access_expires_at)
        case NeedsPerson():
            wanted = None
    return wanted


def refresh_time(account_id: str, pair: Pair) -> Instant:
    """Plan the refresh from the pair's own life; the same pair always gets the same time."""
    life = pair.access_expires_at - pair.granted_at
    lead = max(life * REFRESH_SHARE, min(REFRESH_LEAD, life / 2))
    early = life * JITTER * _fraction(f"{account_id}|{pair.version}")
    return max(pair.access_expires_at - lead - early, pair.granted_at + SHORTEST_WAIT)


def time_after_rejection(pair: Pair) -> Instant:
    """Plan the refresh of a pair whose access token TikTok refuses; most often that time is past."""
    return pair.granted_at + REJECTION_PAUSE


def retry_time(account_id: str, attempt: int, now: Instant) -> Instant:
    """Plan the next attempt: after 1 to 2 s, 2 to 4 s, 4 to 8 s … and at most every five minutes."""
    ceiling = min(timedelta(seconds=2 ** min(attempt, 16)), RETRY_LIMIT)
    return now + ceiling * (0.5 + 0.5 * _fraction(f"{account_id}|{attempt}"))


def _fraction(text: str) -> float:
    """Spread texts evenly over 0 to 1, always the same way."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
