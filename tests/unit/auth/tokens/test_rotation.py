"""What is left to seal again: what counts as left, what is requested when, and when nothing moves."""

from datetime import UTC, datetime, timedelta

import pytest

from auth_service.states import (
    Account,
    CheckingRemoval,
    Connected,
    Disconnected,
    Disconnecting,
    IssueReason,
    Issuing,
    Profile,
    ReauthorizationRequired,
    RefreshBackoff,
    Refreshing,
    RefreshProgress,
    RefreshTokenRefused,
    SealedTokenPair,
)
from auth_service.tenants import states as tenant_states
from auth_service.tokens.rotation import (
    MAX_REQUESTED,
    RETRY_AFTER_SECONDS,
    STALLED_SECONDS,
    RotationProgress,
    progress_line,
    summary,
)
from auth_service.tokens.sealed_items import sealed_item_of, sealed_text
from common.contract.tenant import TikTokApp
from common.streams import StateKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PROFILE = Profile(tenant="acme", open_id="-000open", scopes=("video.publish",), consented_at=NOW)


def pair(sealed: str) -> SealedTokenPair:
    later = NOW + timedelta(hours=1)
    return SealedTokenPair(version=3, sealed=sealed, granted_at=NOW, access_expires_at=later, refresh_expires_at=later)


def connected(sealed: str) -> Connected:
    return Connected(profile=PROFILE, pair=pair(sealed), recipients="keys", refresh_at=NOW)


def refreshing(sealed: str) -> Refreshing:
    return Refreshing(profile=PROFILE, pair=pair(sealed), refresh=RefreshProgress(since=NOW))


def tenant(sealed: str | None) -> tenant_states.Tenant:
    app = None if sealed is None else TikTokApp(client_key="own", sealed_secret=sealed)
    return tenant_states.Tenant(tenant="acme", name="Acme", app=app, created_at=NOW, changed_at=NOW)


OLD = "v1.k1.AAAA"
NEW = "v1.k2.AAAA"
FORGOTTEN = Disconnected(version=4, consented_at=NOW)
KEY = tenant_states.ApiKey(
    tenant="acme", key_id="k", name="key", scopes=(), secret_hash="00", requests_per_minute=60, issued_at=NOW
)
WITH_A_SEAL: list[Account | tenant_states.TenantRecord] = [
    Issuing(profile=PROFILE, pair=pair(OLD), version=4, reason=IssueReason.CONNECTED),
    connected(OLD),
    refreshing(OLD),
    RefreshBackoff(
        profile=PROFILE, pair=pair(OLD), refresh=RefreshProgress(since=NOW, failed_attempts=1), retry_at=NOW
    ),
    RefreshTokenRefused(profile=PROFILE, pair=pair(OLD), code="invalid_grant", message="gone"),
    CheckingRemoval(profile=PROFILE, pair=pair(OLD), code="invalid_grant", message="gone", check_at=NOW),
    Disconnecting(profile=PROFILE, pair=pair(OLD), version=4, by="key", since=NOW),
    tenant(OLD),
]
WITHOUT: list[Account | tenant_states.TenantRecord | None] = [
    ReauthorizationRequired(profile=PROFILE, version=4),
    FORGOTTEN,
    tenant(None),
    KEY,
    None,
]


def progress_of(*states: Account | tenant_states.TenantRecord) -> RotationProgress:
    progress = RotationProgress("k2")
    for number, state in enumerate(states):
        progress.take(StateKey(f"acc_{number}"), state)
    progress.follow(0)
    return progress


def asked(progress: RotationProgress, now: float = 0) -> list[str]:
    return [key.partition_key for key, _ in progress.next(now)]


@pytest.mark.parametrize("state", WITH_A_SEAL, ids=lambda state: type(state).__name__)
def test_every_state_that_keeps_something_sealed_is_asked_for(state: Account | tenant_states.TenantRecord) -> None:
    ((_, item),) = progress_of(state).next(0)
    assert sealed_text(item) == OLD


@pytest.mark.parametrize("state", WITHOUT, ids=lambda state: type(state).__name__)
def test_a_state_that_keeps_nothing_sealed_is_left_alone(state: Account | tenant_states.TenantRecord | None) -> None:
    assert sealed_item_of(state) is None
    progress = RotationProgress("k2")
    progress.take(StateKey("acc_0"), state)
    assert progress.left == 0


def test_what_is_under_the_newest_key_is_left_alone() -> None:
    assert progress_of(connected(NEW), tenant(NEW)).settled


@pytest.mark.parametrize("text", ["v1.k3.AAAA", "h1.k2.AAAA", "", "v1", "v1.k2x.AAAA"])
def test_whatever_is_not_under_the_newest_key_is_left(text: str) -> None:
    assert progress_of(connected(text)).left == 1


def test_only_the_newest_record_of_a_state_counts() -> None:
    progress = RotationProgress("k2")
    for state in (connected(OLD), connected(NEW)):
        progress.take(StateKey("acc_0"), state)
    assert (progress.left, progress.total) == (0, 0)


def test_record_is_requested_once_and_done_under_the_new_key() -> None:
    progress = progress_of(connected(OLD), connected(OLD))
    assert asked(progress) == ["acc_0", "acc_1"]
    assert asked(progress) == []
    progress.take(StateKey("acc_0"), connected(NEW))
    assert progress_line(progress) == "resealed 1 of 2 records under key k2"
    assert progress.left == 1
    progress.take(StateKey("acc_1"), connected(NEW))
    assert progress.settled
    assert summary(progress, stopped=False) == ["no record is sealed under another key than k2"]


def test_state_change_around_the_pair_requests_nothing() -> None:
    progress = progress_of(connected(OLD))
    asked(progress)
    progress.take(StateKey("acc_0"), refreshing(OLD))
    progress.take(StateKey("acc_0"), connected(OLD))
    assert (asked(progress), progress.left, dict(progress.sealed_under_other_keys)) == ([], 1, {})


def test_another_pair_under_an_old_key_is_asked_for_at_once() -> None:
    progress = progress_of(connected(OLD))
    asked(progress)
    consent = Issuing(profile=PROFILE, pair=pair("v1.k1.BBBB"), version=4, reason=IssueReason.CONNECTED)
    progress.take(StateKey("acc_0"), consent)
    ((_, item),) = progress.next(0)
    assert sealed_text(item) == "v1.k1.BBBB"
    assert not progress.sealed_under_other_keys


@pytest.mark.parametrize("state", [FORGOTTEN, None])
def test_what_is_forgotten_is_neither_left_nor_done(state: Account | None) -> None:
    progress = progress_of(connected(OLD))
    asked(progress)
    progress.take(StateKey("acc_0"), state)
    assert (progress.left, progress.done, progress.settled) == (0, 0, True)


def test_requests_are_limited_and_stale_ones_come_last() -> None:
    progress = progress_of(*[connected(OLD)] * (MAX_REQUESTED + 1))
    assert len(asked(progress, 0)) == MAX_REQUESTED
    progress.take(StateKey("acc_0"), connected(NEW))
    assert asked(progress, 1) == [f"acc_{MAX_REQUESTED}"]
    assert asked(progress, RETRY_AFTER_SECONDS - 0.1) == []
    assert asked(progress, RETRY_AFTER_SECONDS) == [f"acc_{number}" for number in range(1, MAX_REQUESTED)]
    assert asked(progress, RETRY_AFTER_SECONDS + 1) == [f"acc_{MAX_REQUESTED}"]


def test_stalled_partition_does_not_delay_the_others() -> None:
    progress = progress_of(*[connected(OLD)] * (2 * MAX_REQUESTED))
    first = asked(progress, 0)
    assert asked(progress, RETRY_AFTER_SECONDS) == [
        f"acc_{number}" for number in range(MAX_REQUESTED, 2 * MAX_REQUESTED)
    ]
    assert asked(progress, 2 * RETRY_AFTER_SECONDS) == first


def test_what_cannot_be_opened_is_given_up_until_it_changes() -> None:
    progress = progress_of(connected(OLD), connected(OLD))
    asked(progress)
    progress.mark_unreadable(StateKey("acc_0"))
    progress.take(StateKey("acc_0"), refreshing(OLD))
    progress.take(StateKey("acc_1"), connected(NEW))
    assert (progress.left, asked(progress, 100), progress.total) == (0, [], 2)
    assert summary(progress, stopped=False) == ["1 records cannot be opened with the keys in AUTH_VAULT_KEYS"]
    progress.take(StateKey("acc_0"), connected(NEW))
    assert progress.settled


def test_items_sealed_under_other_keys_are_counted() -> None:
    progress = progress_of(connected(OLD), connected(NEW))
    for number in (0, 1):
        progress.take(StateKey(f"acc_{number}"), connected(f"v1.k1.CCC{number}"))
        progress.take(StateKey(f"acc_{number}"), connected(NEW))
    assert progress.left == 0
    assert not progress.settled
    (words,) = summary(progress, stopped=False)
    assert words.startswith("workers sealed records meanwhile, 2 under `k1`: put `k2` in front")


def test_what_was_there_before_was_not_sealed_meanwhile() -> None:
    progress = RotationProgress("k2")
    for sealed in ("v1.k1.AAAA", "v1.k1.BBBB"):
        progress.take(StateKey("acc_0"), connected(sealed))
    assert not progress.sealed_under_other_keys


def test_it_stalls_when_there_is_not_a_record_less_for_a_minute() -> None:
    progress = progress_of(connected(OLD), connected(OLD))
    asked(progress)
    assert not progress.stalled(STALLED_SECONDS - 1)
    progress.take(StateKey("acc_0"), connected(NEW))
    assert not progress.stalled(STALLED_SECONDS)
    progress.take(StateKey("acc_0"), connected(OLD))  # back again: no way forward
    assert not progress.stalled(2 * STALLED_SECONDS - 1)
    assert progress.stalled(2 * STALLED_SECONDS)


def test_nothing_left_is_no_stall() -> None:
    assert not progress_of(connected(NEW)).stalled(10 * STALLED_SECONDS)


def test_summary_names_what_to_do() -> None:
    progress = progress_of(connected(OLD))
    assert summary(progress, stopped=True) == ["stopped, 1 records are left; run this again"]
    stalled, trouble = summary(progress, stopped=False, trouble="no answer")
    assert "1 records are left: either auth's workers do not run, or key `k2` is missing" in stalled
    assert trouble == "the last command was not confirmed: no answer"
