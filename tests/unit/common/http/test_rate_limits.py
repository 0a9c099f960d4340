"""The token bucket: how much gets through, what it says is left, and what it remembers."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from common.http.rate_limits import WINDOW_SECONDS, Allowance, RateLimits

LIMITS = st.integers(min_value=1, max_value=2_000)
PAUSES = st.lists(st.floats(min_value=0, max_value=90), min_size=1, max_size=120)


def test_new_key_may_send_the_requests_of_a_minute_at_once() -> None:
    limits = RateLimits()
    taken = [limits.take("k", per_minute=600, now=5.0) for _ in range(601)]
    assert [each.granted for each in taken] == [True] * 600 + [False]
    assert taken[0] == Allowance(granted=True, limit=600, remaining=599, reset_seconds=1)
    assert taken[299].reset_seconds == 30
    assert taken[-1] == Allowance(granted=False, limit=600, remaining=0, reset_seconds=1)


def test_allowance_has_the_headers_of_the_draft() -> None:
    allowance = Allowance(granted=True, limit=600, remaining=17, reset_seconds=59)
    assert allowance.headers == {"RateLimit-Policy": '"key";q=600;w=60', "RateLimit": '"key";r=17;t=59'}


def test_empty_bucket_has_one_request_after_reset_seconds() -> None:
    limits = RateLimits()
    assert limits.take("k", per_minute=1, now=0.0).remaining == 0
    refused = limits.take("k", per_minute=1, now=0.5)
    assert (refused.granted, refused.reset_seconds) == (False, 60)
    assert not limits.take("k", per_minute=1, now=59.9).granted
    assert limits.take("k", per_minute=1, now=60.5).granted


def test_keys_have_separate_buckets() -> None:
    limits = RateLimits()
    assert limits.take("a", per_minute=1, now=0.0).granted
    assert limits.take("b", per_minute=1, now=0.0).granted
    assert not limits.take("a", per_minute=1, now=0.0).granted


def test_smaller_limit_applies_at_once() -> None:
    limits = RateLimits()
    limits.take("k", per_minute=600, now=0.0)
    assert limits.take("k", per_minute=2, now=0.0).remaining == 1


def test_limit_of_zero_allows_one_request_per_minute() -> None:
    limits = RateLimits()
    assert limits.take("k", per_minute=0, now=0.0).granted
    assert limits.take("k", per_minute=0, now=1.0).reset_seconds == 59


def test_full_buckets_are_deleted() -> None:
    limits = RateLimits()
    for number in range(1_000):
        limits.take(f"k{number}", per_minute=60, now=number / 100)
    assert len(limits) == 1_000
    limits.take("k0", per_minute=60, now=75.0)
    assert len(limits) == 1


def test_buckets_that_are_not_full_are_kept() -> None:
    limits = RateLimits()
    for _ in range(600):
        limits.take("busy", per_minute=600, now=59.0)
    limits.take("other", per_minute=600, now=61.0)
    assert limits.take("busy", per_minute=600, now=61.0).remaining == 19


@given(per_minute=LIMITS, pauses=PAUSES, seed=st.integers(0, 2**16))
def test_no_period_allows_more_than_a_bucket_and_its_inflow(per_minute: int, pauses: list[float], seed: int) -> None:
    limits, dice, now = RateLimits(), random.Random(seed), 0.0
    granted, least_ahead = 0, math.inf
    for pause in pauses:
        now += pause
        for _ in range(dice.randint(1, min(per_minute + 2, 40))):
            if limits.take("k", per_minute=per_minute, now=now).granted:
                # From any one granted request to this one: the steps in between, less what flowed in meanwhile.
                ahead = granted - now * per_minute / WINDOW_SECONDS
                least_ahead = min(least_ahead, ahead)
                assert ahead - least_ahead <= per_minute - 1 + 1e-6
                granted += 1
    assert granted


@given(per_minute=LIMITS, pauses=PAUSES)
def test_remaining_requests_may_be_sent_at_once(per_minute: int, pauses: list[float]) -> None:
    limits, now = RateLimits(), 0.0
    left = per_minute
    for pause in pauses:
        now += pause
        allowance = limits.take("k", per_minute=per_minute, now=now)
        assert 0 <= allowance.remaining < per_minute
        assert allowance.remaining >= left - 1
        left = allowance.remaining
    for _ in range(left):
        assert limits.take("k", per_minute=per_minute, now=now).granted
    assert not limits.take("k", per_minute=per_minute, now=now).granted


@given(per_minute=LIMITS, asked=st.integers(1, 60), later=st.floats(min_value=0, max_value=200))
def test_request_is_allowed_after_reset_seconds(per_minute: int, asked: int, later: float) -> None:
    limits = RateLimits()
    allowance = [limits.take("k", per_minute=per_minute, now=later) for _ in range(asked)][-1]
    after = limits.take("k", per_minute=per_minute, now=later + allowance.reset_seconds + 1e-6)
    assert after.granted
    if allowance.remaining:
        assert after.remaining == per_minute - 1
    assert allowance.reset_seconds <= math.ceil(WINDOW_SECONDS)
