"""Rate limits: a token bucket for each key, in this process's memory, with the time passed in."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_SECONDS = 60
"""Limits are so many a minute, and a bucket holds a minute's worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a key has left after a request: `left` whole requests, and in how many seconds there will be more.

    `seconds` (rounded up) is until the bucket is full while something is left, and until the next request once not.
    """

    granted: bool
    limit: int
    left: int
    seconds: int

    @property
    def headers(self) -> Mapping[str, str]:
        """Say so as the IETF's draft-ietf-httpapi-ratelimit-headers-10 has it."""
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"key";r={self.left};t={self.seconds}',
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    limit: int
    tokens: float
    at: float

    def filled(self, *, limit: int, now: float) -> "_Bucket":
        since = max(now - self.at, 0.0)
        return _Bucket(limit=limit, tokens=min(self.tokens + since * limit / WINDOW_SECONDS, limit), at=now)

    def taken(self) -> "_Bucket":
        return _Bucket(limit=self.limit, tokens=self.tokens - 1, at=self.at)

    def seconds_until(self, tokens: float) -> int:
        return max(math.ceil((tokens - self.tokens) * WINDOW_SECONDS / self.limit), 0)

    def full(self, now: float) -> bool:
        return now - self.at >= (self.limit - self.tokens) * WINDOW_SECONDS / self.limit


class RateLimits:
    """The buckets of all keys. A key that has not asked for a minute takes no memory for more than another one."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._swept_at = -math.inf

    def __len__(self) -> int:
        """Of how many keys something is remembered."""
        return len(self._buckets)

    def take(self, key: str, *, per_minute: int, now: float) -> Allowance:
        """Take one request from the key's bucket, if there is one. `now` is in seconds and never runs backwards."""
        self._sweep(now)
        limit = max(per_minute, 1)  # a bucket of none would never fill
        known = self._buckets.get(key) or _Bucket(limit=limit, tokens=limit, at=now)
        bucket = known.filled(limit=limit, now=now)
        granted = bucket.tokens >= 1
        self._buckets[key] = bucket = bucket.taken() if granted else bucket
        left = math.floor(bucket.tokens)
        seconds = bucket.seconds_until(limit if left else 1)
        return Allowance(granted=granted, limit=limit, left=left, seconds=seconds)

    def _sweep(self, now: float) -> None:
        if now - self._swept_at < WINDOW_SECONDS:
            return
        # A full bucket is as good as none.
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.full(now)}
        self._swept_at = now
