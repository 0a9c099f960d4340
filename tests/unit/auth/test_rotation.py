"""What is left to seal anew: what counts as left, what is asked for when, and when nothing moves."""

from datetime import UTC, datetime, timedelta

import pytest

from auth_service.states import (
    Account,
    Ailing,
    Connected,
    Disconnected,
    Disconnecting,
    Expiring,
    IssueReason,
    Issuing,
    NeedsPerson,
    Pair,
    Profile,
    Refreshing,
)
from auth_service.tenants import states as tenant_states
from auth_service.tokens.rotation import (
    ASK_AGAIN_SECONDS,
    ASKED_AT_ONCE,
    STALLED_SECONDS,
    Backlog,
    last_words,
    progress,
)
from auth_service.tokens.sealed_items import held_in, text_of
from common.contract.tenant import TikTokApp
from common.streams import StateKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROFILE = Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)


def pair(sealed: str) -> Pair:
    later = NOW + timedelta(hours=1)
    return Pair(version=3, sealed=sealed, granted_at=NOW, access_expires_at=later, refresh_expires_at=later)


def connected(sealed: str) -> Connected:
    return Connected(profile=PROFILE, pair=pair(sealed), recipients="keys", refresh_at=NOW)


def refreshing(sealed: str) -> Refreshing:
    return Refreshing(profile=PROFILE, pair=pair(sealed), attempt=1, since=NOW)


def tenant(sealed: str | None) -> tenant_states.Tenant:
    app = None if sealed is None else TikTokApp(client_key="own", sealed_secret=sealed)
    return tenant_states.Tenant(tenant="acme", name="Acme", app=app, created_at=NOW, changed_at=NOW)


OLD = "v1.k1.AAAA"
NEW = "v1.k2.AAAA"
FORGOTTEN = Disconnected(version=4, consented_at=NOW)
KEY = tenant_states.ApiKey(
    tenant="acme", key_id="k", name="key", scopes=(), secret_hash="00", requests_per_minute=60, issued_at=NOW
)
WITH_A_SEAL: list[Account | tenant_states.Customer] = [
    Issuing(profile=PROFILE, pair=pair(OLD), version=4, reason=IssueReason.CONNECTED),
    connected(OLD),
    refreshing(OLD),
    Ailing(profile=PROFILE, pair=pair(OLD), attempt=1, since=NOW, retry_at=NOW),
    Expiring(profile=PROFILE, pair=pair(OLD), code="invalid_grant", message="gone"),
    Disconnecting(profile=PROFILE, pair=pair(OLD), version=4, by="key", since=NOW),
    tenant(OLD),
]
WITHOUT: list[Account | tenant_states.Customer | None] = [
    NeedsPerson(profile=PROFILE, version=4),
    FORGOTTEN,
    tenant(None),
    KEY,
    None,
]


def backlog_of(*states: Account | tenant_states.Customer) -> Backlog:
    backlog = Backlog("k2")
    for number, state in enumerate(states):
        backlog.take(StateKey(f"acc_{number}"), state)
    backlog.follow(0)
    return backlog


def asked(backlog: Backlog, now: float = 0) -> list[str]:
    return [key.partition_key for key, _ in backlog.next(now)]


@pytest.mark.parametrize("state", WITH_A_SEAL, ids=lambda state: type(state).__name__)
def test_every_state_that_keeps_something_sealed_is_asked_for(state: Account | tenant_states.Customer) -> None:
    ((_, held),) = backlog_of(state).next(0)
    assert text_of(held) == OLD


@pytest.mark.parametrize("state", WITHOUT, ids=lambda state: type(state).__name__)
def test_a_state_that_keeps_nothing_sealed_is_left_alone(state: Account | tenant_states.Customer | None) -> None:
    assert held_in(state) is None
    backlog = Backlog("k2")
    backlog.take(StateKey("acc_0"), state)
    assert backlog.left == 0


def test_what_is_under_the_newest_key_is_left_alone() -> None:
    assert backlog_of(connected(NEW), tenant(NEW)).settled


@pytest.mark.parametrize("text", ["v1.k3.AAAA", "h1.k2.AAAA", "", "v1", "v1.k2x.AAAA"])
def test_whatever_is_not_under_the_newest_key_is_left(text: str) -> None:
    assert backlog_of(connected(text)).left == 1


def test_only_the_newest_record_of_a_state_counts() -> None:
    backlog = Backlog("k2")
    for state in (connected(OLD), connected(NEW)):
        backlog.take(StateKey("acc_0"), state)
    assert (backlog.left, backlog.total) == (0, 0)


def test_a_record_is_asked_for_once_and_done_when_it_comes_under_the_newest_key() -> None:
    backlog = backlog_of(connected(OLD), connected(OLD))
    assert asked(backlog) == ["acc_0", "acc_1"]
    assert asked(backlog) == []
    backlog.take(StateKey("acc_0"), connected(NEW))
    assert progress(backlog) == "resealed 1 of 2 records under key k2"
    assert backlog.left == 1
    backlog.take(StateKey("acc_1"), connected(NEW))
    assert backlog.settled
    assert last_words(backlog, stopped=False) == ["no record is sealed under another key than k2"]


def test_a_state_that_changes_around_its_pair_is_not_asked_for_again() -> None:
    backlog = backlog_of(connected(OLD))
    asked(backlog)
    backlog.take(StateKey("acc_0"), refreshing(OLD))
    backlog.take(StateKey("acc_0"), connected(OLD))
    assert (asked(backlog), backlog.left, dict(backlog.sealed_meanwhile)) == ([], 1, {})


def test_another_pair_under_an_old_key_is_asked_for_at_once() -> None:
    backlog = backlog_of(connected(OLD))
    asked(backlog)
    consent = Issuing(profile=PROFILE, pair=pair("v1.k1.BBBB"), version=4, reason=IssueReason.CONNECTED)
    backlog.take(StateKey("acc_0"), consent)
    ((_, held),) = backlog.next(0)
    assert text_of(held) == "v1.k1.BBBB"
    assert not backlog.sealed_meanwhile


@pytest.mark.parametrize("state", [FORGOTTEN, None])
def test_what_is_forgotten_is_neither_left_nor_done(state: Account | None) -> None:
    backlog = backlog_of(connected(OLD))
    asked(backlog)
    backlog.take(StateKey("acc_0"), state)
    assert (backlog.left, backlog.done, backlog.settled) == (0, 0, True)


def test_so_many_are_asked_for_at_once_and_what_was_asked_in_vain_comes_last() -> None:
    backlog = backlog_of(*[connected(OLD)] * (ASKED_AT_ONCE + 1))
    assert len(asked(backlog, 0)) == ASKED_AT_ONCE
    backlog.take(StateKey("acc_0"), connected(NEW))
    assert asked(backlog, 1) == [f"acc_{ASKED_AT_ONCE}"]
    assert asked(backlog, ASK_AGAIN_SECONDS - 0.1) == []
    assert asked(backlog, ASK_AGAIN_SECONDS) == [f"acc_{number}" for number in range(1, ASKED_AT_ONCE)]
    assert asked(backlog, ASK_AGAIN_SECONDS + 1) == [f"acc_{ASKED_AT_ONCE}"]


def test_a_partition_that_stands_still_does_not_hold_up_the_others() -> None:
    backlog = backlog_of(*[connected(OLD)] * (2 * ASKED_AT_ONCE))
    first = asked(backlog, 0)
    assert asked(backlog, ASK_AGAIN_SECONDS) == [f"acc_{number}" for number in range(ASKED_AT_ONCE, 2 * ASKED_AT_ONCE)]
    assert asked(backlog, 2 * ASK_AGAIN_SECONDS) == first


def test_what_cannot_be_opened_is_given_up_until_it_changes() -> None:
    backlog = backlog_of(connected(OLD), connected(OLD))
    asked(backlog)
    backlog.give_up(StateKey("acc_0"))
    backlog.take(StateKey("acc_0"), refreshing(OLD))
    backlog.take(StateKey("acc_1"), connected(NEW))
    assert (backlog.left, asked(backlog, 100), backlog.total) == (0, [], 2)
    assert last_words(backlog, stopped=False) == ["1 records cannot be opened with the keys in AUTH_VAULT_KEYS"]
    backlog.take(StateKey("acc_0"), connected(NEW))
    assert backlog.settled


def test_what_workers_seal_under_another_key_meanwhile_is_counted() -> None:
    backlog = backlog_of(connected(OLD), connected(NEW))
    for number in (0, 1):
        backlog.take(StateKey(f"acc_{number}"), connected(f"v1.k1.CCC{number}"))
        backlog.take(StateKey(f"acc_{number}"), connected(NEW))
    assert backlog.left == 0
    assert not backlog.settled
    (words,) = last_words(backlog, stopped=False)
    assert words.startswith("workers sealed records meanwhile, 2 under `k1`: put `k2` in front")


def test_what_was_there_before_was_not_sealed_meanwhile() -> None:
    backlog = Backlog("k2")
    for sealed in ("v1.k1.AAAA", "v1.k1.BBBB"):
        backlog.take(StateKey("acc_0"), connected(sealed))
    assert not backlog.sealed_meanwhile


def test_it_stalls_when_there_is_not_a_record_less_for_a_minute() -> None:
    backlog = backlog_of(connected(OLD), connected(OLD))
    asked(backlog)
    assert not backlog.stalled(STALLED_SECONDS - 1)
    backlog.take(StateKey("acc_0"), connected(NEW))
    assert not backlog.stalled(STALLED_SECONDS)
    backlog.take(StateKey("acc_0"), connected(OLD))  # back again: no way forward
    assert not backlog.stalled(2 * STALLED_SECONDS - 1)
    assert backlog.stalled(2 * STALLED_SECONDS)


def test_nothing_left_is_no_stall() -> None:
    assert not backlog_of(connected(NEW)).stalled(10 * STALLED_SECONDS)


def test_the_last_words_say_what_to_do() -> None:
    backlog = backlog_of(connected(OLD))
    assert last_words(backlog, stopped=True) == ["stopped, 1 records are left; run this again"]
    stalled, trouble = last_words(backlog, stopped=False, trouble="no answer")
    assert "1 records are left: either auth's workers do not run, or key `k2` is missing" in stalled
    assert trouble == "the last command was not confirmed: no answer"
