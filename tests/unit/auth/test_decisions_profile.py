"""Once a day TikTok is asked who the person is, however often tokens change, and however that ends."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
import pytest

from auth_service import effects, facts, states
from auth_service.decisions import decide
from auth_service.plans import (
    PROFILE_INTERVAL,
    PROFILE_JITTER,
    PROFILE_RETRY,
    next_effect,
    profile_fetch_time,
    warning_time,
)
from builders.account_states import CONNECTED, KEY, NOW, OLD, PROFILE, pair_of_life, state_after, state_of
from common.contract.account import AccountDescribed
from common.streams import Background, Decision, Due, Wait

NAMED = msgspec.structs.replace(PROFILE, scopes=("user.info.basic", "video.publish"), fetched_at=NOW)
WELL = msgspec.structs.replace(CONNECTED, profile=NAMED, refresh_at=NOW + 2 * PROFILE_INTERVAL)


def look_at(profile: states.Profile) -> datetime:
    at = profile_fetch_time(KEY.partition_key, profile)
    assert at is not None
    return at


SEEN = facts.ProfileFetched(version=3, display_name="New", username="new", avatar_url="https://a.example/n.jpeg")


LOOK = effects.FetchProfile(app=effects.app_of(NAMED), pair=OLD, scopes=NAMED.scopes)
EACH_DAY = look_at(NAMED) - NOW
EACH_HOUR = EACH_DAY / 24


def test_profile_is_fetched_daily_in_the_background() -> None:
    assert PROFILE_INTERVAL * (1 - PROFILE_JITTER) <= EACH_DAY <= PROFILE_INTERVAL
    assert next_effect(KEY, WELL, NOW, recipients="keys") == Wait(NOW + EACH_DAY)
    assert next_effect(KEY, WELL, NOW + EACH_DAY, recipients="keys") == Background(effect=LOOK, until=WELL.refresh_at)


def test_a_warning_that_comes_due_does_not_wait_for_a_look() -> None:
    at = warning_time(NAMED, OLD)
    assert at is not None
    late = msgspec.structs.replace(WELL, refresh_at=at + PROFILE_INTERVAL)
    assert next_effect(KEY, late, at - timedelta(seconds=1), recipients="keys") == Background(effect=LOOK, until=at)
    assert next_effect(KEY, late, at, recipients="keys") == Wait(at)


def test_a_first_look_is_due_within_a_day_of_the_consent() -> None:
    unseen = msgspec.structs.replace(NAMED, fetched_at=None)
    assert look_at(unseen) == NAMED.consented_at + EACH_DAY


def test_looks_at_accounts_of_one_moment_drift_apart() -> None:
    times = [profile_fetch_time(f"acc_{number}", NAMED) for number in range(1000)]
    waits = sorted((at - NOW) / PROFILE_INTERVAL for at in times if at is not None)
    assert waits[0] < 0.76
    assert waits[-1] > 0.99
    assert max(later - sooner for sooner, later in pairwise(waits)) < 0.01


def test_who_did_not_grant_it_is_not_looked_at() -> None:
    nameless = msgspec.structs.replace(WELL, profile=msgspec.structs.replace(NAMED, scopes=("video.publish",)))
    assert next_effect(KEY, nameless, NOW + PROFILE_INTERVAL, recipients="keys") == Wait(nameless.refresh_at)


def test_a_refresh_goes_before_a_look() -> None:
    both = msgspec.structs.replace(WELL, refresh_at=NOW + PROFILE_INTERVAL)
    assert next_effect(KEY, both, NOW + PROFILE_INTERVAL, recipients="keys") == Wait(both.refresh_at)
    assert isinstance(decide(KEY, both, Due(), NOW + PROFILE_INTERVAL).state, states.Refreshing)


def test_changed_profile_is_published() -> None:
    later = NOW + PROFILE_INTERVAL
    decision = decide(KEY, WELL, SEEN, later)
    (described,) = decision.events
    assert isinstance(described, AccountDescribed)
    assert (described.display_name, described.username, described.avatar_url) == (
        "New",
        "new",
        "https://a.example/n.jpeg",
    )
    known = state_of(decision)
    assert decide(KEY, known, SEEN, later).events == (), "the same again is nothing to tell"
    assert isinstance(known, states.Connected)
    assert look_at(known.profile) == later + EACH_DAY


def test_what_is_not_seen_is_looked_at_again_in_an_hour() -> None:
    later = NOW + PROFILE_INTERVAL
    decision = decide(KEY, WELL, facts.ProfileFetchFailed(version=3), later)
    assert decision.events == ()
    known = state_of(decision)
    assert isinstance(known, states.Connected)
    assert look_at(known.profile) == later + EACH_HOUR
    assert EACH_HOUR <= PROFILE_RETRY
    assert known.profile.display_name == "Demo"


def test_a_look_that_a_refresh_overtook_changes_nothing() -> None:
    refreshing = state_after(WELL, Due(), states.Refreshing, WELL.refresh_at)
    assert decide(KEY, refreshing, SEEN, NOW) == Decision(state=refreshing)


def test_a_dead_token_that_a_look_finds_is_refreshed() -> None:
    assert state_after(WELL, facts.AccessTokenRejected(version=3), states.Refreshing).refresh.access_rejected


MOST_EFFECTS = 50_000
Answer = Callable[[int], facts.Fact]
ANSWERS: dict[str, Answer] = {
    "seen": lambda version: facts.ProfileFetched(version=version, display_name="Demo", username="", avatar_url=""),
    "unseen": lambda version: facts.ProfileFetchFailed(version=version),
    "rejected": lambda version: facts.AccessTokenRejected(version=version),
}


def live(profile: states.Profile, *, life: timedelta, days: int, answer: Answer) -> Counter[type[effects.Effect]]:
    """Count what is done in so many days when every refresh succeeds."""
    done: Counter[type[effects.Effect]] = Counter()
    first = pair_of_life(1, NOW, life)
    state: states.Account = states.Connected(profile=profile, pair=first, recipients="keys", refresh_at=NOW + life / 2)
    now: datetime = NOW
    while now < NOW + timedelta(days=days):
        assert done.total() < MOST_EFFECTS
        wanted = next_effect(KEY, state, now, recipients="keys")
        fact: facts.Fact | Due
        if isinstance(wanted, Wait):
            now, fact = max(now, wanted.until), Due()
        elif isinstance(wanted, effects.Refresh):
            done[effects.Refresh] += 1
            new = pair_of_life(wanted.pair.version + 1, now, life)
            issued = facts.Issued(pair=new, recipients="keys", sealed={})
            fact = facts.RefreshDone(version=wanted.pair.version, scopes=(), issued=issued)
        else:
            assert isinstance(wanted, Background)
            done[effects.FetchProfile] += 1
            fact = answer(wanted.effect.pair.version)
        state = state_of(decide(KEY, state, fact, now))
    return done


@pytest.mark.parametrize("life", [timedelta(seconds=60), timedelta(hours=2), timedelta(days=1)])
@pytest.mark.parametrize(("answer", "pace"), [("seen", EACH_DAY), ("unseen", EACH_HOUR)])
def test_looks_keep_their_pace_however_often_tokens_change(life: timedelta, answer: str, pace: timedelta) -> None:
    done = live(NAMED, life=life, days=10, answer=ANSWERS[answer])
    looks = 1 + (timedelta(days=10) - EACH_DAY) / pace
    assert 0.9 * looks <= done[effects.FetchProfile] <= looks


@pytest.mark.parametrize("life", [timedelta(hours=2), timedelta(days=1)])
def test_a_look_that_takes_no_token_does_not_make_tokens_spin(life: timedelta) -> None:
    usual = live(NAMED, life=life, days=3, answer=ANSWERS["seen"])
    done = live(NAMED, life=life, days=3, answer=ANSWERS["rejected"])
    assert done[effects.FetchProfile] <= timedelta(days=3) / EACH_HOUR
    assert done[effects.Refresh] <= usual[effects.Refresh] + done[effects.FetchProfile]
