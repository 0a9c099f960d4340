"""Permits go round-robin to tenants and accounts, and background effects have their own."""

from dataclasses import replace

import pytest

from common.streams.engine.fair_limiter import FairLimiter, Waiter

FOREGROUND = Waiter(tenant="", account="", begin=bool)


def waiters(order: list[str], *wanted: tuple[str, str]) -> list[Waiter]:
    def begin(name: str) -> Waiter:
        tenant, account = name.split("/")

        def take() -> bool:
            order.append(name)
            return not name.startswith("gone")

        return Waiter(tenant=tenant, account=account, begin=take)

    return [begin(f"{tenant}/{account}") for tenant, account in wanted]


def test_limiter_goes_round_tenants_then_accounts() -> None:
    order: list[str] = []
    limiter = FairLimiter(0)
    for waiter in waiters(order, ("big", "a"), ("big", "a"), ("big", "b"), ("big", "a"), ("small", "z")):
        limiter.acquire(waiter)
    for _ in range(5):
        limiter.release(FOREGROUND)
    assert order == ["big/a", "small/z", "big/b", "big/a", "big/a"]


def test_limiter_refused_permit_goes_to_the_next() -> None:
    order: list[str] = []
    limiter = FairLimiter(0)
    for waiter in waiters(order, ("gone", "a"), ("gone", "b"), ("t", "c")):
        limiter.acquire(waiter)
    limiter.release(FOREGROUND)
    assert order == ["gone/a", "t/c"]
    limiter.release(FOREGROUND)
    assert order == ["gone/a", "t/c", "gone/b"]
    for waiter in waiters(order, ("t", "d")):
        limiter.acquire(waiter)
    assert order[3:] == ["t/d"]


def test_limiter_cancelled_waiter_is_skipped() -> None:
    order: list[str] = []
    limiter = FairLimiter(0)
    first, second = waiters(order, ("t", "a"), ("t", "b"))
    limiter.acquire(first)
    limiter.acquire(second)
    limiter.cancel(first)
    limiter.release(FOREGROUND)
    limiter.release(FOREGROUND)
    assert order == ["t/b"]


@pytest.mark.parametrize(("places", "begin"), [(1, 1), (4, 1), (8, 2), (16, 4)])
def test_limiter_background_has_its_own_permits(places: int, begin: int) -> None:
    order: list[str] = []
    limiter = FairLimiter(places)
    queue = [replace(waiter, background=True) for waiter in waiters(order, *[("t", "look")] * 5)]
    for waiter in queue:
        limiter.acquire(waiter)
    assert order == ["t/look"] * begin
    for waiter in waiters(order, *[("t", "refresh")] * (places + 1)):
        limiter.acquire(waiter)
    assert order == ["t/look"] * begin + ["t/refresh"] * places
    limiter.release(queue[0])
    assert order[-1] == "t/look"
    limiter.release(FOREGROUND)
    assert order[-1] == "t/refresh"


def test_limiter_starts_no_more_than_its_permits() -> None:
    order: list[str] = []
    limiter = FairLimiter(2)
    for waiter in waiters(order, ("t", "a"), ("t", "b"), ("t", "c")):
        limiter.acquire(waiter)
    assert order == ["t/a", "t/b"]
