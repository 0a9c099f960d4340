"""What each state wants next, and when refreshes happen."""

from datetime import UTC, datetime, timedelta

import pytest

from auth_service.account import (
    Account,
    Ailing,
    Connected,
    Effect,
    Expiring,
    Issue,
    IssueReason,
    Issuing,
    NeedsPerson,
    Pair,
    Profile,
    Refresh,
    Refreshing,
    app_of,
)
from auth_service.plans import SHORTEST_WAIT, refresh_time, retry_time, todo
from common.streams.machine import Key, Wait

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KEY = Key("acc_1")
PROFILE = Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)


def pair_of_life(life: timedelta, version: int = 3) -> Pair:
    return Pair(
        version=version,
        sealed="sealed",
        granted_at=NOW,
        access_expires_at=NOW + life,
        refresh_expires_at=NOW + timedelta(days=180),
    )


PAIR = pair_of_life(timedelta(hours=2))
APP = app_of(PROFILE)


def issuing(retry_at: datetime | None) -> Issuing:
    return Issuing(profile=PROFILE, pair=PAIR, version=4, reason=IssueReason.CONNECTED, retry_at=retry_at)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (issuing(None), Issue(pair=PAIR, version=4)),
        (issuing(LATER), Wait(LATER)),
        (issuing(NOW), Issue(pair=PAIR, version=4)),
        (Connected(profile=PROFILE, pair=PAIR, recipients="keys", refresh_at=LATER), Wait(LATER)),
        (Connected(profile=PROFILE, pair=PAIR, recipients="former", refresh_at=LATER), Issue(pair=PAIR, version=4)),
        (Refreshing(profile=PROFILE, pair=PAIR, attempt=2, since=NOW), Refresh(app=APP, pair=PAIR, attempt=2)),
        (Ailing(profile=PROFILE, pair=PAIR, attempt=1, since=NOW, retry_at=LATER), Wait(LATER)),
        (Expiring(profile=PROFILE, pair=PAIR, code="invalid_grant", message=""), Wait(PAIR.access_expires_at)),
        (NeedsPerson(profile=PROFILE, version=4), None),
    ],
)
def test_each_state_wants_one_thing(state: Account, wanted: Effect | Wait | None) -> None:
    assert todo(KEY, state, NOW, recipients="keys") == wanted


@pytest.mark.parametrize(
    ("life", "earliest", "latest"),
    [
        (timedelta(days=1), 0.70, 0.75),
        (timedelta(hours=2), 0.70, 0.75),
        (timedelta(minutes=15), 0.616, 0.667),
        (timedelta(minutes=10), 0.45, 0.5),
        (timedelta(seconds=60), 0.45, 0.5),
    ],
)
def test_refresh_is_planned_from_the_pairs_own_life(life: timedelta, earliest: float, latest: float) -> None:
    shares = [(refresh_time(f"acc_{n}", pair_of_life(life)) - NOW) / life for n in range(200)]
    assert earliest <= min(shares) < max(shares) <= latest
    assert max(shares) - min(shares) > 0.04


def test_refresh_time_is_the_same_every_time_it_is_asked_for() -> None:
    assert refresh_time("acc_1", PAIR) == refresh_time("acc_1", PAIR)
    assert refresh_time("acc_1", PAIR) != refresh_time("acc_2", PAIR)


@pytest.mark.parametrize("seconds", [-5, 0, 1, 3])
def test_a_pair_that_hardly_lives_is_not_refreshed_in_a_loop(seconds: int) -> None:
    assert refresh_time("acc_1", pair_of_life(timedelta(seconds=seconds))) == NOW + SHORTEST_WAIT


def test_retries_grow_apart_up_to_five_minutes() -> None:
    pauses = [(retry_time("acc_1", attempt, NOW) - NOW).total_seconds() for attempt in range(1, 100)]
    assert 1 <= pauses[0] <= 2
    assert all(2 ** (n - 1) <= pause <= 2**n for n, pause in enumerate(pauses[:8], start=1))
    assert all(150 <= pause <= 300 for pause in pauses[8:])
