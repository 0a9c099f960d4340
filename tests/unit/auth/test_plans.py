"""What each state wants next, and when refreshes happen."""

from datetime import UTC, datetime, timedelta

import pytest

from auth_service import effects, facts, states
from auth_service.plans import REFRESH_LEAD, SHORTEST_WAIT, next_effect, refresh_time, retry_time
from common.streams import StateKey, Wait

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KEY = StateKey("acc_1")
PROFILE = states.Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)


def pair_of_life(life: timedelta, version: int = 3) -> states.SealedTokenPair:
    return states.SealedTokenPair(
        version=version,
        sealed="sealed",
        granted_at=NOW,
        access_expires_at=NOW + life,
        refresh_expires_at=NOW + timedelta(days=180),
    )


PAIR = pair_of_life(timedelta(hours=2))
APP = effects.app_of(PROFILE)


def issuing(retry_at: datetime | None) -> states.Issuing:
    return states.Issuing(profile=PROFILE, pair=PAIR, version=4, reason=states.IssueReason.CONNECTED, retry_at=retry_at)


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (issuing(None), effects.Issue(pair=PAIR, version=4)),
        (issuing(LATER), Wait(LATER)),
        (issuing(NOW), effects.Issue(pair=PAIR, version=4)),
        (states.Connected(profile=PROFILE, pair=PAIR, recipients="keys", refresh_at=LATER), Wait(LATER)),
        (
            states.Connected(profile=PROFILE, pair=PAIR, recipients="former", refresh_at=LATER),
            effects.Issue(pair=PAIR, version=4),
        ),
        (
            states.Refreshing(profile=PROFILE, pair=PAIR, refresh=states.RefreshProgress(since=NOW, failed_attempts=1)),
            effects.Refresh(app=APP, pair=PAIR, attempt=2),
        ),
        (
            states.RefreshBackoff(
                profile=PROFILE, pair=PAIR, refresh=states.RefreshProgress(since=NOW), retry_at=LATER
            ),
            Wait(LATER),
        ),
        (
            states.RefreshTokenRefused(profile=PROFILE, pair=PAIR, code="invalid_grant", message=""),
            Wait(PAIR.access_expires_at),
        ),
        (states.ReauthorizationRequired(profile=PROFILE, version=4), None),
        (states.Disconnected(version=4, consented_at=NOW), None),
    ],
)
def test_each_state_wants_one_thing(state: states.Account, wanted: effects.Effect | Wait | None) -> None:
    assert next_effect(KEY, state, NOW, recipients="keys") == wanted


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


@pytest.mark.parametrize(
    ("life", "least", "most"),
    [
        (timedelta(days=1), timedelta(hours=6), timedelta(hours=7.2)),
        (timedelta(hours=2), timedelta(minutes=30), timedelta(minutes=36)),
        (timedelta(minutes=15), timedelta(minutes=5), timedelta(minutes=5.75)),
        (timedelta(seconds=60), timedelta(seconds=30), timedelta(seconds=33)),
    ],
)
def test_what_is_left_of_a_token_when_it_is_refreshed(life: timedelta, least: timedelta, most: timedelta) -> None:
    leads = [NOW + life - refresh_time(f"acc_{n}", pair_of_life(life)) for n in range(200)]
    assert least <= min(leads) < max(leads) <= most


@pytest.mark.parametrize("minutes", range(10, 24 * 60, 61))
def test_five_minutes_are_left_at_the_least_of_any_life_of_ten(minutes: int) -> None:
    life = timedelta(minutes=minutes)
    assert all(NOW + life - refresh_time(f"acc_{n}", pair_of_life(life)) >= REFRESH_LEAD for n in range(20))


def test_accounts_that_were_connected_together_drift_apart() -> None:
    life = timedelta(hours=2)
    times = dict.fromkeys((f"acc_{n}" for n in range(50)), NOW)
    spreads = []
    for version in range(1, 30):
        times = {
            account: at + (refresh_time(account, pair_of_life(life, version)) - NOW) for account, at in times.items()
        }
        spreads.append(max(times.values()) - min(times.values()))
    assert spreads[-1] > 3 * spreads[0]


@pytest.mark.parametrize(
    ("trouble", "pauses"),
    [
        (facts.FailureClass.TRANSIENT, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (facts.FailureClass.RATE_LIMITED, [60, 120, 240, 300, 300]),
        (facts.FailureClass.MISCONFIGURED, [300, 300, 300]),
    ],
)
def test_each_class_of_trouble_has_its_pauses(trouble: facts.FailureClass, pauses: list[int]) -> None:
    for attempt, longest in enumerate(pauses, start=1):
        found = [(retry_time(f"acc_{n}", attempt, NOW, trouble) - NOW).total_seconds() for n in range(100)]
        assert longest / 2 <= min(found) < max(found) <= longest
        assert max(found) - min(found) > 0.4 * longest, "accounts in the same trouble do not come back together"
