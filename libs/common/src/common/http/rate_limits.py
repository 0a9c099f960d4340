"""Rate limits: a token bucket for each API key, in this process's memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_SECONDS = 60
"""Limits are requests per minute. A bucket holds the requests of one minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a key may still send after a request.

    `remaining` counts whole requests. `reset_seconds`, rounded up, is the time until the bucket is full; if no request
    remains, it is the time until the next one.
    """

    granted: bool
    limit: int
    remaining: int
    reset_seconds: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers of the IETF's draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"key";r={self.remaining};t={self.reset_seconds}',
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    limit: int
    tokens: float
    at: float

    def filled(self, *, limit: int, now: float) -> "_Bucket":
        """Return the bucket at `now`. A changed limit holds at once, also for a bucket in use."""
        since = max(now - self.at, 0.0)
        return _Bucket(limit=limit, tokens=min(self.tokens + since * limit / WINDOW_SECONDS, limit), at=now)

    def taken(self) -> "_Bucket":
        """Return the bucket with one request less."""
        return _Bucket(limit=self.limit, tokens=self.tokens - 1, at=self.at)

    def seconds_until(self, tokens: float) -> int:
        """Return the seconds, rounded up, until the bucket holds `tokens`; zero if it does."""
        return max(math.ceil((tokens - self.tokens) * WINDOW_SECONDS / self.limit), 0)

    def full(self, now: float) -> bool:
        """Return whether the bucket has refilled by `now`."""
        return now - self.at >= (self.limit - self.tokens) * WINDOW_SECONDS / self.limit


class RateLimits:
    """The buckets of all keys. Full buckets are deleted once a minute, so memory follows the keys in use."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._swept_at = -math.inf

    def __len__(self) -> int:
        """Return the number of keys that have a bucket."""
        return len(self._buckets)

    def take(self, key: str, *, per_minute: int, now: float) -> Allowance:
        """Take one request from the key's bucket, if it has one. `now` is in seconds and never decreases."""
        self._sweep(now)
        limit = max(per_minute, 1)  # a bucket of size 0 would never fill
        known = self._buckets.get(key) or _Bucket(limit=limit, tokens=limit, at=now)
        bucket = known.filled(limit=limit, now=now)
        granted = bucket.tokens >= 1
        self._buckets[key] = bucket = bucket.taken() if granted else bucket
        left = math.floor(bucket.tokens)
        seconds = bucket.seconds_until(limit if left else 1)
        return Allowance(granted=granted, limit=limit, remaining=left, reset_seconds=seconds)

    def _sweep(self, now: float) -> None:
        """Delete the full buckets, at most once a minute, since each sweep looks at all of them."""
        if now - self._swept_at < WINDOW_SECONDS:
            return
        # A full bucket equals a new one.
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.full(now)}
        self._swept_at = now
