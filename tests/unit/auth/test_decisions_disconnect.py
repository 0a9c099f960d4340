"""How an account goes: its tenant asks for it, TikTok is to hear of it, and all of it is forgotten."""

from datetime import timedelta

import msgspec
import pytest

from auth_service import effects, facts, states
from auth_service.decisions import decide
from auth_service.decisions_disconnect import REVOKE_TIMEOUT
from auth_service.plans import next_effect
from auth_service.transitions import version_of
from builders.account_states import (
    ACTIVE,
    ASKED,
    CONSENT,
    DISCONNECTED,
    DISCONNECTING,
    DONE,
    FOREIGN,
    HANDED_OFF,
    KEY,
    NOW,
    OLD,
    PROFILE,
    REAUTHORIZATION_REQUIRED,
    REFRESHING,
    REFUSED,
    REPLAYED,
    UNSETTLED,
    event_types,
    issued,
    pair,
    state_after,
    state_of,
)
from common.contract.account import (
    AccountConnectRefused,
    AccountDisconnected,
    AccountForgotten,
    CredentialWithdrawn,
    DisconnectCause,
)
from common.contract.audit import Action, AuditRecorded
from common.streams import Decision, Due, Wait

ENDED = OLD.access_expires_at
APP = effects.app_of(PROFILE)


def not_revoked(
    state: states.Disconnecting, trouble: facts.FailureClass = facts.FailureClass.TRANSIENT
) -> facts.RevokeUnsettled:
    return facts.RevokeUnsettled(version=state.pair.version, attempt=state.attempt, reason="no answer", failure=trouble)


@pytest.mark.parametrize("state", ACTIVE)
def test_no_service_uses_an_account_that_is_to_go(state: states.Active) -> None:
    decision = decide(KEY, state, ASKED, NOW)
    withdrawn = decision.events[0]
    assert withdrawn == CredentialWithdrawn(account_id="acc_1", version=version_of(state) + 1, reason="disconnected")
    assert decision.state is not None
    assert version_of(decision.state) == version_of(state) + 1


def test_what_is_forgotten_and_what_is_kept() -> None:
    decision = decide(KEY, DISCONNECTING, facts.Revoked(version=3), NOW)
    assert decision.state == states.Disconnected(version=4, consented_at=PROFILE.consented_at)
    withdrawn, forgotten, gone, noted = decision.events
    assert withdrawn == CredentialWithdrawn(account_id="acc_1", version=4, reason="disconnected")
    assert forgotten == AccountForgotten(account_id="acc_1")
    assert gone == AccountDisconnected(
        account_id="acc_1", tenant="acme", cause=DisconnectCause.REQUESTED, revoked=True, at=NOW
    )
    assert isinstance(noted, AuditRecorded)
    assert (noted.action, noted.by, noted.tenant) == (Action.ACCOUNT_DISCONNECTED, "key:a", "acme")
    assert states.tenant_of(decision.state) == ""
    assert next_effect(KEY, decision.state, NOW, recipients="keys") is None


def test_what_has_no_tokens_goes_at_once() -> None:
    decision = decide(KEY, REAUTHORIZATION_REQUIRED, ASKED, NOW)
    assert decision.state == states.Disconnected(version=5, consented_at=PROFILE.consented_at)
    (gone,) = (event for event in decision.events if isinstance(event, AccountDisconnected))
    assert (gone.revoked, gone.cause) == (False, DisconnectCause.REQUESTED)


def test_asking_twice_changes_nothing() -> None:
    assert decide(KEY, DISCONNECTING, ASKED, NOW) == Decision(state=DISCONNECTING)
    assert decide(KEY, DISCONNECTED, ASKED, NOW) == Decision(state=DISCONNECTED)


# -- what TikTok is asked


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (DISCONNECTING, effects.Revoke(app=APP, pair=OLD, attempt=1)),
        (msgspec.structs.replace(DISCONNECTING, attempt=7), effects.Revoke(app=APP, pair=OLD, attempt=7)),
        (msgspec.structs.replace(DISCONNECTING, retry_at=NOW + timedelta(seconds=9)), Wait(NOW + timedelta(seconds=9))),
        (msgspec.structs.replace(DISCONNECTING, retry_at=NOW), effects.Revoke(app=APP, pair=OLD, attempt=1)),
        (msgspec.structs.replace(DISCONNECTING, access_rejected=True), effects.Refresh(app=APP, pair=OLD, attempt=1)),
    ],
)
def test_disconnecting_requests_one_effect(
    state: states.Disconnecting, wanted: effects.Refresh | effects.Revoke | Wait
) -> None:
    assert next_effect(KEY, state, NOW, recipients="keys") == wanted


def test_with_an_ended_access_token_a_new_one_is_fetched_first() -> None:
    assert isinstance(next_effect(KEY, DISCONNECTING, ENDED - timedelta(seconds=1), recipients="keys"), effects.Revoke)
    assert next_effect(KEY, DISCONNECTING, ENDED, recipients="keys") == effects.Refresh(app=APP, pair=OLD, attempt=1)
    fresh = facts.RefreshDone(version=3, scopes=(), issued=issued(4, ENDED))
    renewed = state_after(DISCONNECTING, fresh, states.Disconnecting, ENDED)
    assert next_effect(KEY, renewed, ENDED, recipients="keys") == effects.Revoke(
        app=APP, pair=fresh.issued.pair, attempt=1
    )
    assert event_types(decide(KEY, DISCONNECTING, fresh, ENDED)) == [], "no service gets this token"


def test_refused_refresh_leaves_nothing_to_revoke_with() -> None:
    (gone,) = (
        event for event in decide(KEY, DISCONNECTING, REFUSED, ENDED).events if isinstance(event, AccountDisconnected)
    )
    assert not gone.revoked, "the access token has ended, which says nothing about the grant"


def test_rejected_access_token_is_not_a_revoked_grant() -> None:
    rejected = state_after(DISCONNECTING, facts.AccessTokenRejected(version=3), states.Disconnecting)
    assert rejected.retry_at is not None
    waited = state_after(rejected, Due(), states.Disconnecting, rejected.retry_at)
    assert isinstance(next_effect(KEY, waited, rejected.retry_at, recipients="keys"), effects.Refresh)
    renewed = state_after(waited, DONE, states.Disconnecting)
    assert isinstance(next_effect(KEY, renewed, NOW, recipients="keys"), effects.Revoke), (
        "the grant lives: it is revoked"
    )
    (gone,) = (event for event in decide(KEY, waited, REFUSED, NOW).events if isinstance(event, AccountDisconnected))
    assert gone.revoked, "TikTok knows neither token"


def test_several_services_that_are_refused_are_one_rejection() -> None:
    once = state_after(DISCONNECTING, facts.AccessTokenRejected(version=3), states.Disconnecting)
    assert decide(KEY, once, facts.AccessTokenRejected(version=3), NOW) == Decision(state=once)


def test_tokens_that_are_born_dead_are_not_renewed_in_a_loop() -> None:
    state: states.Account = DISCONNECTING
    now, renewals = ENDED, 0
    while isinstance(state, states.Disconnecting):
        wanted = next_effect(KEY, state, now, recipients="keys")
        fact: facts.Fact | Due
        if isinstance(wanted, Wait):
            now, fact = wanted.until, Due()
        else:
            assert isinstance(wanted, effects.Refresh)
            dead = pair(state.pair.version + 1, now - timedelta(hours=2))
            done = issued(dead.version)
            fact = facts.RefreshDone(
                version=state.pair.version, scopes=(), issued=type(done)(pair=dead, recipients="keys", sealed={})
            )
            renewals += 1
            assert renewals < 24 * 60
        state = state_of(decide(KEY, state, fact, now))
    assert isinstance(state, states.Disconnected)
    assert now - ENDED <= REVOKE_TIMEOUT + timedelta(minutes=5)


# -- while TikTok is away


@pytest.mark.parametrize(
    ("trouble", "least", "most"),
    [
        (facts.FailureClass.TRANSIENT, 1, 2),
        (facts.FailureClass.RATE_LIMITED, 30, 60),
        (facts.FailureClass.MISCONFIGURED, 150, 300),
    ],
)
def test_a_revocation_is_asked_for_again_later(trouble: facts.FailureClass, least: int, most: int) -> None:
    waiting = state_after(DISCONNECTING, not_revoked(DISCONNECTING, trouble), states.Disconnecting)
    assert waiting.retry_at is not None
    assert least <= (waiting.retry_at - NOW).total_seconds() <= most
    assert decide(KEY, waiting, Due(), NOW) == Decision(state=waiting), "not before its time"
    again = state_after(waiting, Due(), states.Disconnecting, waiting.retry_at)
    assert next_effect(KEY, again, waiting.retry_at, recipients="keys") == effects.Revoke(app=APP, pair=OLD, attempt=2)


@pytest.mark.parametrize("trouble", list(facts.FailureClass))
def test_tokens_are_deleted_after_a_day_without_tiktok(trouble: facts.FailureClass) -> None:
    state: states.Account = msgspec.structs.replace(
        DISCONNECTING, pair=msgspec.structs.replace(OLD, access_expires_at=NOW + timedelta(days=9))
    )
    now, events = NOW, list[type[object]]()
    while isinstance(state, states.Disconnecting):
        wanted = next_effect(KEY, state, now, recipients="keys")
        if isinstance(wanted, Wait):
            now = wanted.until
        decision = decide(KEY, state, Due() if isinstance(wanted, Wait) else not_revoked(state, trouble), now)
        assert decision.state is not None
        state, events = decision.state, [*events, *event_types(decision)]
    assert isinstance(state, states.Disconnected)
    assert REVOKE_TIMEOUT <= now - NOW <= REVOKE_TIMEOUT + timedelta(minutes=5)
    assert events == [CredentialWithdrawn, AccountForgotten, AccountDisconnected, AuditRecorded]


def test_revocation_not_done_in_a_day_is_not_claimed() -> None:
    decision = decide(KEY, DISCONNECTING, not_revoked(DISCONNECTING), NOW + REVOKE_TIMEOUT)
    (gone,) = (event for event in decision.events if isinstance(event, AccountDisconnected))
    assert not gone.revoked


# -- with a refresh in flight


def test_the_answer_to_a_refresh_under_way_is_what_is_revoked() -> None:
    leaving = state_after(REFRESHING, ASKED, states.Disconnecting)
    renewed = state_after(leaving, DONE, states.Disconnecting)
    assert next_effect(KEY, renewed, NOW, recipients="keys") == effects.Revoke(
        app=APP, pair=DONE.issued.pair, attempt=1
    )
    assert decide(KEY, renewed, facts.Revoked(version=3), NOW) == Decision(state=renewed), "that was the pair before"
    assert isinstance(decide(KEY, renewed, facts.Revoked(version=4), NOW).state, states.Disconnected)
    assert version_of(renewed) == version_of(leaving) == 4


def test_lost_refresh_leaves_the_old_access_token_to_revoke_with() -> None:
    waiting = state_after(state_after(REFRESHING, ASKED, states.Disconnecting), UNSETTLED, states.Disconnecting)
    assert waiting.retry_at is not None
    again = state_after(waiting, Due(), states.Disconnecting, waiting.retry_at)
    assert next_effect(KEY, again, NOW + timedelta(seconds=2), recipients="keys") == effects.Revoke(
        app=APP, pair=OLD, attempt=2
    )


def test_handed_off_pair_is_revoked() -> None:
    renewed = state_after(state_after(REFRESHING, ASKED, states.Disconnecting), HANDED_OFF, states.Disconnecting)
    assert next_effect(KEY, renewed, NOW, recipients="keys") == effects.Revoke(app=APP, pair=HANDED_OFF.pair, attempt=1)


# -- a person who comes back


@pytest.mark.parametrize("state", [DISCONNECTING, DISCONNECTED])
def test_who_connects_again_stays_and_versions_go_on(state: states.Disconnecting | states.Disconnected) -> None:
    decision = decide(KEY, state, CONSENT, NOW)
    assert isinstance(decision.state, states.Issuing)
    assert decision.state.version == state.version + 1
    (noted,) = decision.events
    assert isinstance(noted, AuditRecorded)
    assert (noted.action, noted.by) == (Action.ACCOUNT_CONNECTED, "key:b")
    late = facts.Revoked(version=3)
    assert decide(KEY, decision.state, late, NOW) == Decision(state=decision.state)
    assert decide(KEY, decision.state, not_revoked(DISCONNECTING), NOW) == Decision(state=decision.state)


@pytest.mark.parametrize("state", [DISCONNECTING, DISCONNECTED])
def test_old_consent_does_not_reconnect(state: states.Disconnecting | states.Disconnected) -> None:
    assert decide(KEY, state, REPLAYED, NOW) == Decision(state=state)


def test_another_tenant_waits_until_the_account_is_forgotten() -> None:
    kept_out = decide(KEY, DISCONNECTING, FOREIGN, NOW)
    assert kept_out.state == DISCONNECTING
    refused, noted = kept_out.events
    assert isinstance(refused, AccountConnectRefused)
    assert (refused.tenant, refused.code) == ("globex", "other_tenant")
    assert isinstance(noted, AuditRecorded)
    assert noted.tenant == "globex", "no other tenant learns of it"
    gone = state_after(kept_out.state, facts.Revoked(version=3), states.Disconnected)
    issuing = state_after(gone, FOREIGN, states.Issuing)
    assert (issuing.profile.tenant, issuing.version) == ("globex", 5)


def test_versions_never_restart_over_a_hundred_reconnects() -> None:
    state: states.Account = REFRESHING
    seen = [version_of(state)]
    for round_ in range(1, 100):
        now = NOW + timedelta(minutes=round_)
        leaving = state_after(state, ASKED, states.Disconnecting, now)
        gone = state_after(leaving, facts.Revoked(version=leaving.pair.version), states.Disconnected, now)
        consent = type(CONSENT)(
            profile=msgspec.structs.replace(PROFILE, consented_at=now), pair=pair(0, now), by="key:a"
        )
        state = state_after(gone, consent, states.Issuing, now)
        seen += [version_of(each) for each in (leaving, gone, state)]
    assert seen == sorted(seen)
    assert version_of(state) == version_of(REFRESHING) + 2 * 99
