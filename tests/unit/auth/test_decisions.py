"""The stories of an account: connected, refreshed, at risk, ended, and healed again."""

from datetime import timedelta

import msgspec
import pytest

from auth_service import facts, states
from auth_service.decisions import decide
from builders.account_states import (
    ACTIVE,
    CONNECTED,
    CONSENT,
    HANDED_OFF,
    ISSUING,
    KEY,
    NOW,
    REAUTHORIZATION_REQUIRED,
    REFRESH_BACKOFF,
    RESEALED,
    STATES,
    issued,
    state_of,
)
from common.contract.account import (
    AccountConnected,
    AccountDescribed,
    CredentialIssued,
)
from common.contract.audit import Action, AuditRecorded
from common.streams import Decision, Due


def test_first_consent_waits_to_be_issued_as_version_one() -> None:
    decision = decide(KEY, None, CONSENT, NOW)
    (noted,) = decision.events
    assert isinstance(noted, AuditRecorded)
    assert (noted.action, noted.by, noted.target) == (Action.ACCOUNT_CONNECTED, CONSENT.by, "acc_1")
    assert decision.state == states.Issuing(
        profile=CONSENT.profile, pair=CONSENT.pair, version=1, reason=states.IssueReason.CONNECTED
    )


def test_issuing_announces_the_account_with_its_credential() -> None:
    decision = decide(KEY, ISSUING, issued(4, ISSUING.pair.granted_at), NOW)
    assert [type(event) for event in decision.events] == [AccountConnected, AccountDescribed, CredentialIssued]
    credential = decision.events[-1]
    assert isinstance(credential, CredentialIssued)
    assert credential.version == 4
    assert credential.sealed == {"uploader": "for-uploader-4"}
    assert credential.expires_at == ISSUING.pair.access_expires_at


@pytest.mark.parametrize(
    ("reason", "emitted"),
    [
        (states.IssueReason.HANDED_OFF, [AccountDescribed, CredentialIssued]),
        (states.IssueReason.RESEALED, [CredentialIssued]),
    ],
)
def test_what_no_person_did_is_not_announced(reason: states.IssueReason, emitted: list[type]) -> None:
    state = msgspec.structs.replace(ISSUING, reason=reason)
    decision = decide(KEY, state, issued(4, ISSUING.pair.granted_at), NOW)
    assert [type(event) for event in decision.events] == emitted


def test_issued_pair_of_an_older_consent_is_ignored() -> None:
    state = state_of(decide(KEY, CONNECTED, CONSENT, NOW))
    assert isinstance(state, states.Issuing)
    assert state.version == RESEALED.pair.version
    assert decide(KEY, state, RESEALED, NOW) == Decision(state=state)


@pytest.mark.parametrize("state", ACTIVE)
def test_reconnecting_raises_the_version(state: states.Active) -> None:
    before = state.version if isinstance(state, states.Issuing | states.ReauthorizationRequired) else state.pair.version
    after = state_of(decide(KEY, state, CONSENT, NOW))
    assert isinstance(after, states.Issuing)
    assert (after.version, after.reason) == (before + 1, states.IssueReason.CONNECTED)


def test_unreadable_pair_is_retried_with_growing_pauses() -> None:
    once = state_of(decide(KEY, ISSUING, facts.IssueFailed(version=4), NOW))
    assert isinstance(once, states.Issuing)
    assert once.retry_at is not None
    twice = state_of(decide(KEY, once, facts.IssueFailed(version=4), once.retry_at))
    assert isinstance(twice, states.Issuing)
    assert twice.retry_at is not None
    assert timedelta(0) < once.retry_at - NOW < twice.retry_at - once.retry_at
    assert (once.attempt, twice.attempt) == (2, 3)


def test_due_before_its_time_changes_nothing() -> None:
    before = NOW - timedelta(seconds=1)
    for state in (CONNECTED, REFRESH_BACKOFF):
        assert decide(KEY, state, Due(), before) == Decision(state=state)


def test_handed_off_pair_restores_an_unauthorized_account() -> None:
    state = state_of(decide(KEY, REAUTHORIZATION_REQUIRED, HANDED_OFF, NOW))
    assert isinstance(state, states.Issuing)
    assert (state.version, state.pair.version) == (5, 4)
    decision = decide(KEY, state, issued(5), NOW)
    assert [type(event) for event in decision.events] == [AccountConnected, AccountDescribed, CredentialIssued]


def test_states_survive_being_written_down() -> None:
    for state in STATES:
        assert msgspec.json.decode(msgspec.json.encode(state), type=states.Account) == state
