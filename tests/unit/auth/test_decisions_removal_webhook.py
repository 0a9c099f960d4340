"""TikTok's removal webhook comes late, twice or wrongly. Only TikTok's refusals confirm it."""

from datetime import datetime, timedelta

import msgspec
import pytest

from auth_service import effects, facts, states
from auth_service.decisions import decide
from auth_service.plans import PROFILE_RETRY, next_effect
from auth_service.translate import translate
from builders.account_states import (
    CHECKING_REMOVAL,
    CONNECTED,
    CONSENTED_AT,
    DONE,
    HANDED_OFF,
    ISSUING,
    KEY,
    NOW,
    REAUTHORIZATION_REQUIRED,
    REFRESH_BACKOFF,
    REFRESH_TOKEN_REFUSED,
    REFRESHING,
    REFUSED,
    REMOVAL,
    UNSETTLED,
    event_types,
    issued,
    refreshing,
    state_after,
)
from common.contract.account import (
    AccountAtRisk,
    AccountDescribed,
    AccountDisconnected,
    AccountForgotten,
    AccountReauthorizationRequired,
    CredentialIssued,
    DisconnectCause,
    Risk,
    account_id_of,
)
from common.contract.audit import Action, AuditRecorded
from common.contract.codec import Envelope
from common.contract.tiktok import TikTokNotified
from common.streams import Background, Decision, Due, Wait
from harness.auth_api import AuthApi
from tiktok_sandbox.app_context import AppContext

AGAIN = facts.RefreshDone(version=4, scopes=(), issued=issued(5))
REFUSED_AGAIN = facts.RefreshRefused(version=4, code="invalid_grant", message="")


def assert_gone(decision: Decision[states.Account]) -> None:
    assert isinstance(decision.state, states.Disconnected)
    (gone,) = (event for event in decision.events if isinstance(event, AccountDisconnected))
    assert (gone.cause, gone.revoked) == (DisconnectCause.REMOVED_AT_TIKTOK, True)
    (noted,) = (event for event in decision.events if isinstance(event, AuditRecorded))
    assert (noted.action, noted.by) == (Action.ACCOUNT_DISCONNECTED, "tiktok")
    assert AccountReauthorizationRequired not in event_types(decision), "no person has to connect again"


def assert_removed(state: states.Account, refused: facts.RefreshRefused) -> None:
    """A refused refresh alone may be a lost answer: TikTok must refuse the access token as well."""
    decision = decide(KEY, state, refused, NOW)
    assert event_types(decision) == []
    checking = decision.state
    assert isinstance(checking, states.CheckingRemoval)
    until = checking.pair.access_expires_at
    look = effects.FetchProfile(
        app=effects.app_of(checking.profile), pair=checking.pair, scopes=checking.profile.scopes
    )
    assert next_effect(KEY, checking, NOW, recipients="keys") == Background(effect=look, until=until)
    assert_gone(decide(KEY, checking, facts.AccessTokenRejected(version=refused.version), NOW))


def test_a_removal_is_checked_by_a_refresh_that_is_refused() -> None:
    asked = state_after(CONNECTED, REMOVAL, states.Refreshing)
    assert next_effect(KEY, asked, NOW, recipients="keys") is not None
    assert event_types(decide(KEY, CONNECTED, REMOVAL, NOW)) == [], "it is not believed yet"
    assert_removed(asked, REFUSED)


def test_a_removal_is_disproved_by_a_refresh_that_succeeds() -> None:
    healed = state_after(state_after(CONNECTED, REMOVAL, states.Refreshing), DONE, states.Connected)
    lost = state_after(
        state_after(healed, Due(), states.Refreshing, healed.refresh_at), REFUSED_AGAIN, states.RefreshTokenRefused
    )
    assert lost.code == "invalid_grant", "a later refusal is one like any other"


@pytest.mark.parametrize("at", [CONSENTED_AT - timedelta(minutes=6), CONSENTED_AT - timedelta(days=1)])
@pytest.mark.parametrize(
    "state", [CONNECTED, REFRESHING, REFRESH_BACKOFF, REFRESH_TOKEN_REFUSED, REAUTHORIZATION_REQUIRED, ISSUING]
)
def test_a_removal_from_before_the_consent_is_of_another_grant(state: states.Account, at: datetime) -> None:
    assert decide(KEY, state, facts.RemovalReported(at=at), NOW) == Decision(state=state)


def test_removal_during_a_refresh_is_confirmed_by_its_refusal() -> None:
    assert_removed(state_after(REFRESHING, REMOVAL, states.Refreshing), REFUSED)


def test_success_of_an_earlier_refresh_proves_nothing() -> None:
    notified = state_after(REFRESHING, REMOVAL, states.Refreshing)
    decision = decide(KEY, notified, DONE, NOW)
    again = decision.state
    assert isinstance(again, states.Refreshing), "its success proves nothing: TikTok is asked once more"
    assert again.pair == DONE.issued.pair
    (credential,) = (event for event in decision.events if isinstance(event, CredentialIssued))
    assert credential.version == 4, "and meanwhile services use the new token"
    assert_removed(again, REFUSED_AGAIN)
    assert isinstance(decide(KEY, again, AGAIN, NOW).state, states.Connected)


def test_removal_reported_twice_is_checked_once_more() -> None:
    once = state_after(CONNECTED, REMOVAL, states.Refreshing)
    twice = state_after(once, REMOVAL, states.Refreshing)
    again = state_after(twice, DONE, states.Refreshing)
    assert isinstance(decide(KEY, again, AGAIN, NOW).state, states.Connected)


def test_a_removal_waits_for_a_refresh_in_trouble() -> None:
    waiting = state_after(state_after(CONNECTED, REMOVAL, states.Refreshing), UNSETTLED, states.RefreshBackoff)
    again = state_after(waiting, Due(), states.Refreshing, waiting.retry_at)
    assert_removed(again, REFUSED)
    assert isinstance(decide(KEY, again, DONE, NOW).state, states.Connected)
    notified = state_after(REFRESH_BACKOFF, REMOVAL, states.RefreshBackoff)
    assert_removed(state_after(notified, Due(), states.Refreshing), REFUSED)


def test_a_lost_answer_does_not_outlive_the_attempt_it_was_for() -> None:
    waiting = state_after(state_after(REFRESHING, REMOVAL, states.Refreshing), UNSETTLED, states.RefreshBackoff)
    again = state_after(waiting, Due(), states.Refreshing, waiting.retry_at)
    assert isinstance(decide(KEY, again, DONE, NOW).state, states.Connected), (
        "this attempt began after the removal webhook"
    )


def test_what_tiktok_has_refused_already_needs_no_other_proof() -> None:
    assert_gone(decide(KEY, REAUTHORIZATION_REQUIRED, REMOVAL, NOW))


ALIVE = facts.ProfileFetched(version=3, display_name="Demo", username="", avatar_url="")
UNSEEN = facts.ProfileFetchFailed(version=3)


def test_removal_after_a_refused_refresh_tries_the_access_token() -> None:
    assert state_after(REFRESH_TOKEN_REFUSED, REMOVAL, states.CheckingRemoval) == CHECKING_REMOVAL
    assert_gone(decide(KEY, CHECKING_REMOVAL, facts.AccessTokenRejected(version=3), NOW))
    assert decide(KEY, CHECKING_REMOVAL, REMOVAL, NOW) == Decision(state=CHECKING_REMOVAL)


def test_good_access_token_disproves_a_removal() -> None:
    asked = state_after(CONNECTED, REMOVAL, states.Refreshing)
    lost = state_after(asked, UNSETTLED, states.RefreshBackoff)  # TikTok has rotated the pair
    checking = state_after(state_after(lost, Due(), states.Refreshing, lost.retry_at), REFUSED, states.CheckingRemoval)
    decision = decide(KEY, checking, ALIVE, NOW)
    assert decision.state == states.RefreshTokenRefused(
        profile=at_risk_of(decision), pair=checking.pair, code=checking.code, message=checking.message
    )
    assert event_types(decision) == [AccountAtRisk, AccountDescribed]
    healed = decide(KEY, decision.state, HANDED_OFF, NOW).state
    assert isinstance(healed, states.Issuing), "the answer may still come, by another worker"


def test_late_answer_does_not_disprove_a_removal_in_check() -> None:
    asked = state_after(CHECKING_REMOVAL, DONE, states.Refreshing)
    assert_removed(asked, REFUSED_AGAIN)
    assert isinstance(decide(KEY, asked, AGAIN, NOW).state, states.Connected)


def at_risk_of(decision: Decision[states.Account]) -> states.Profile:
    assert isinstance(decision.state, states.RefreshTokenRefused)
    assert decision.state.profile.risk is Risk.REFRESH_REFUSED
    return decision.state.profile


def test_failed_check_repeats_hourly_and_warns_once() -> None:
    first = decide(KEY, CHECKING_REMOVAL, UNSEEN, NOW)
    assert event_types(first) == [AccountAtRisk, AccountDescribed]
    assert isinstance(first.state, states.CheckingRemoval)
    end, later = REFRESH_TOKEN_REFUSED.pair.access_expires_at, NOW + PROFILE_RETRY
    assert first.state.check_at == later
    second = decide(KEY, msgspec.structs.replace(first.state, check_at=NOW), UNSEEN, NOW)
    assert event_types(second) == []
    assert second.state == first.state
    assert next_effect(KEY, first.state, NOW, recipients="keys") == Wait(min(end, later))
    assert_gone(decide(KEY, first.state, Due(), end))


def test_removal_while_issuing_is_checked_afterwards() -> None:
    notified = state_after(ISSUING, REMOVAL, states.Issuing)
    decision = decide(KEY, notified, issued(4, ISSUING.pair.granted_at), NOW)
    asked = decision.state
    assert isinstance(asked, states.Refreshing)
    assert asked.pair.version == 4
    assert CredentialIssued in event_types(decision)
    assert_removed(asked, REFUSED_AGAIN)
    assert isinstance(decide(KEY, asked, AGAIN, NOW).state, states.Connected)


@pytest.mark.parametrize("state", [REFRESHING, REFRESH_BACKOFF, REFRESH_TOKEN_REFUSED])
def test_handed_off_pair_does_not_disprove_a_removal(state: states.Account) -> None:
    notified = decide(KEY, state, REMOVAL, NOW).state
    issuing = state_after(notified, HANDED_OFF, states.Issuing)
    asked = state_after(issuing, issued(4, HANDED_OFF.pair.granted_at), states.Refreshing)
    assert_removed(asked, REFUSED_AGAIN)


def test_a_refresh_that_never_settles_keeps_the_question_open() -> None:
    state: states.Account = state_after(CONNECTED, REMOVAL, states.Refreshing)
    now = NOW
    for attempt in range(1, 50):
        unsettled = facts.RefreshUnsettled(version=3, attempt=attempt, reason="no answer")
        waiting = state_after(state, unsettled, states.RefreshBackoff, now)
        now = waiting.retry_at
        state = state_after(waiting, Due(), states.Refreshing, now)
    assert_gone(decide(KEY, state, REFUSED, now))


def test_a_rejected_access_token_and_a_removal_end_as_a_removal() -> None:
    notified = state_after(refreshing(access_rejected=True), REMOVAL, states.Refreshing)
    assert_gone(decide(KEY, notified, REFUSED, NOW))


def test_removal_forgets_unauthorized_account_with_next_version() -> None:
    gone = state_after(REAUTHORIZATION_REQUIRED, REMOVAL, states.Disconnected)
    assert gone.version == REAUTHORIZATION_REQUIRED.version + 1


# -- what TikTok's webhook says


def notice(event: str, *, open_id: str, client_key: str, at: datetime) -> Envelope[TikTokNotified]:
    body = TikTokNotified(
        account_id=account_id_of(client_key, open_id),
        client_key=client_key,
        open_id=open_id,
        event=event,
        occurred_at=at,
        received_at=at,
    )
    return Envelope(id="1", source="publisher", time=None, traceparent=None, body=body)


@pytest.mark.parametrize("event", ["post.publish.complete", "authorization.removed.tomorrow", ""])
def test_other_notices_are_not_for_accounts(event: str) -> None:
    assert translate(notice(event, open_id="-000", client_key="aw", at=NOW)) is None


def removed_at_tiktok(auth_api: AuthApi, shell: AppContext) -> TikTokNotified:
    open_id = shell.tables.creators.get_or_create("demo").open_id
    return notice("authorization.removed", open_id=open_id, client_key=auth_api.client_key, at=auth_api.now).body


async def test_a_person_who_removes_the_app_at_tiktok_is_forgotten(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    auth_api.now += timedelta(minutes=1)
    notified = removed_at_tiktok(auth_api, shell)
    assert notified.account_id == account_id
    await auth_api.sandbox.post(f"/_sandbox/creators/{notified.open_id}/disconnect", json={})
    await auth_api.worker.write(notified)
    assert auth_api.accounts.bodies[account_id] == AccountForgotten(account_id=account_id)
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).status_code == 404
    left = str(auth_api.worker.states.values())
    assert "demo" not in left
    assert "v1.one" not in left, "no token is kept"


async def test_removal_from_before_a_reconnect_changes_nothing(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    auth_api.now += timedelta(minutes=1)
    late = removed_at_tiktok(auth_api, shell)
    await auth_api.sandbox.post(f"/_sandbox/creators/{late.open_id}/disconnect", json={})
    auth_api.now += timedelta(minutes=6)
    assert await auth_api.connect() == account_id
    before = list(auth_api.worker.published)
    await auth_api.worker.write(late)
    assert auth_api.worker.published == before
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).json()["status"] == "connected"


async def test_a_removal_that_is_wrong_is_found_out(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    auth_api.now += timedelta(minutes=1)
    await auth_api.worker.write(removed_at_tiktok(auth_api, shell))
    answer = (await auth_api.backend.get(f"/v1/accounts/{account_id}")).json()
    assert (answer["status"], answer["version"]) == ("connected", 2)
