"""An account's refresh: done, refused, tried again, and the warning in time."""

from datetime import datetime, timedelta

import msgspec
import pytest

from auth_service import facts, states
from auth_service.decisions import decide
from auth_service.decisions_refresh import AT_RISK_AFTER
from builders.account_states import (
    CONNECTED,
    DONE,
    KEY,
    NOW,
    OLD,
    PROFILE,
    REAUTHORIZATION_REQUIRED,
    REFRESHING,
    REFUSED,
    UNSETTLED,
    issued,
    pair,
    refreshing,
    state_of,
)
from common.contract.account import (
    AccountAtRisk,
    AccountDescribed,
    AccountReauthorizationRequired,
    CredentialIssued,
    CredentialWithdrawn,
    Risk,
)
from common.streams import Decision, Due

SECOND_ATTEMPT = refreshing(failed_attempts=1)


def test_refresh_commits_pair_and_credential_together() -> None:
    decision = decide(KEY, REFRESHING, DONE, NOW)
    state = state_of(decision)
    assert isinstance(state, states.Connected)
    assert state.pair == DONE.issued.pair
    assert state.profile.scopes == ("video.publish", "video.list")
    assert NOW < state.refresh_at < state.pair.access_expires_at
    described, credential = decision.events
    assert isinstance(described, AccountDescribed)
    assert described.scopes == ("video.publish", "video.list")
    assert isinstance(credential, CredentialIssued)
    assert (credential.version, credential.scopes) == (4, ("video.publish", "video.list"))


def test_a_refresh_that_names_no_scopes_keeps_them() -> None:
    done = facts.RefreshDone(version=3, scopes=(), issued=issued(4))
    after = state_of(decide(KEY, REFRESHING, done, NOW))
    assert isinstance(after, states.Connected)
    assert after.profile.scopes == PROFILE.scopes


def test_the_same_outcome_twice_counts_once() -> None:
    once = decide(KEY, REFRESHING, DONE, NOW).state
    assert decide(KEY, once, DONE, NOW) == Decision(state=once)


def test_after_a_lost_answer_the_old_pair_is_tried_once_more() -> None:
    waiting = state_of(decide(KEY, REFRESHING, UNSETTLED, NOW))
    assert isinstance(waiting, states.RefreshBackoff)
    assert NOW < waiting.retry_at <= NOW + timedelta(seconds=2)
    again = state_of(decide(KEY, waiting, Due(), waiting.retry_at))
    assert again == SECOND_ATTEMPT


def test_refusal_after_a_lost_answer_warns_until_access_ends() -> None:
    again = SECOND_ATTEMPT
    decision = decide(KEY, again, REFUSED, NOW)
    risk, described = decision.events
    assert isinstance(risk, AccountAtRisk)
    assert (risk.reason, risk.risk) == ("invalid_grant", Risk.REFRESH_REFUSED)
    assert risk.access_expires_at == OLD.access_expires_at
    assert isinstance(described, AccountDescribed)
    assert described.risk is Risk.REFRESH_REFUSED
    early = OLD.access_expires_at - timedelta(seconds=1)
    assert decide(KEY, decision.state, Due(), early) == Decision(state=decision.state)
    ended = decide(KEY, decision.state, Due(), OLD.access_expires_at)
    assert ended.state == REAUTHORIZATION_REQUIRED
    required, withdrawn = ended.events
    assert isinstance(required, AccountReauthorizationRequired)
    assert (required.code, required.tenant) == ("invalid_grant", "acme")
    assert withdrawn == CredentialWithdrawn(account_id="acc_1", version=4, reason="invalid_grant")


@pytest.mark.parametrize(
    ("state", "now"),
    [(refreshing(access_rejected=True), NOW), (REFRESHING, OLD.access_expires_at)],
    ids=["rejected", "ended"],
)
def test_refusal_without_access_token_requires_reauthorization(state: states.Account, now: datetime) -> None:
    decision = decide(KEY, state, REFUSED, now)
    assert decision.state == REAUTHORIZATION_REQUIRED
    assert [type(event) for event in decision.events] == [AccountReauthorizationRequired, CredentialWithdrawn]


def test_failures_warn_once_and_never_disconnect() -> None:
    state: states.Account = REFRESHING
    now, emitted = NOW, 0
    for attempt in range(1, 40):
        decision = decide(KEY, state, facts.RefreshUnsettled(version=3, attempt=attempt, reason="no answer"), now)
        emitted += sum(isinstance(event, AccountAtRisk) for event in decision.events)
        assert emitted == (1 if attempt >= AT_RISK_AFTER else 0)
        assert isinstance(decision.state, states.RefreshBackoff)
        now = decision.state.retry_at
        state = state_of(decide(KEY, decision.state, Due(), now))
    assert now > OLD.access_expires_at
    healed = decide(KEY, state, DONE, now)
    assert isinstance(healed.state, states.Connected)
    (described,) = (event for event in healed.events if isinstance(event, AccountDescribed))
    assert described.risk is None


def test_a_young_pair_that_is_rejected_waits_before_its_refresh() -> None:
    young = msgspec.structs.replace(CONNECTED, pair=pair(3, NOW - timedelta(seconds=1)))
    waiting = state_of(decide(KEY, young, facts.AccessTokenRejected(version=3), NOW))
    assert isinstance(waiting, states.RefreshBackoff)
    assert waiting.retry_at == young.pair.granted_at + timedelta(seconds=30)
    refreshing = state_of(decide(KEY, waiting, Due(), waiting.retry_at))
    assert refreshing == states.Refreshing(
        profile=PROFILE, pair=young.pair, refresh=states.RefreshProgress(since=NOW, access_rejected=True)
    )


def test_a_rejection_during_a_refresh_is_remembered() -> None:
    rejected = decide(KEY, REFRESHING, facts.AccessTokenRejected(version=3), NOW).state
    waiting = decide(KEY, rejected, UNSETTLED, NOW).state
    assert isinstance(waiting, states.RefreshBackoff)
    assert waiting.refresh.access_rejected
