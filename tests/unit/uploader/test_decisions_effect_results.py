"""Results of probes, creator queries and inits, and refusals of calls by their code."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    GONE,
    INITIALISING,
    LARGE,
    NOW,
    PROBING,
    PROGRESS,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    REQUEST,
    SESSION,
    SMALL,
    STATES,
    TEMPORARY,
    WORKING,
    creator_info,
    declined,
    expect_state,
    requested_effect,
    results_of,
    single_event,
    step,
    with_progress,
)
from common.contract.account import TokenRejected
from common.contract.post import DelayReason, FailureReason, PostDelayed, PostFailed
from common.streams import Decision, Due
from uploader_service.facts import (
    CredentialKnown,
    InitDone,
    NoCredential,
    RequestNotSent,
    ResultUnknown,
    SourceFound,
    SourceUnusable,
)
from uploader_service.states import (
    AwaitingCredential,
    CheckingCreator,
    Finished,
    Initialising,
    Post,
    Probing,
    Uploading,
    Waiting,
    WorkingState,
)

HOUR = timedelta(hours=1)


names = [type(state).__name__ for state in STATES]


@pytest.mark.parametrize("state", STATES, ids=names)
@pytest.mark.parametrize("wanting", WORKING, ids=[type(state).__name__ for state in WORKING])
def test_result_of_another_state_changes_nothing(state: Post, wanting: WorkingState) -> None:
    late = replace(wanting, progress=replace(wanting.progress, attempt=2))
    for fact in results_of(requested_effect(late)):
        assert step(state, fact).state == state
        assert step(state, fact).events == ()


@pytest.mark.parametrize("state", WORKING, ids=[type(state).__name__ for state in WORKING])
def test_every_result_of_requested_effect_changes_state(state: WorkingState) -> None:
    for fact in results_of(requested_effect(state)):
        assert step(state, fact).state != state, fact


def test_probe_found_source_leads_to_creator_check() -> None:
    state = with_progress(PROBING, consecutive_failures=3)
    assert step(state, SourceFound(of=requested_effect(state), media=LARGE)).state == CHECKING_CREATOR


def test_probe_source_gone_fails_post() -> None:
    failed = single_event(step(PROBING, SourceUnusable(of=requested_effect(PROBING), fault=GONE)), PostFailed)
    assert (failed.reason, failed.message) == (FailureReason.SOURCE_UNAVAILABLE, "HTTP 404")


def test_probe_temporary_fault_is_retried() -> None:
    decision = step(PROBING, SourceUnusable(of=requested_effect(PROBING), fault=TEMPORARY))
    waiting = expect_state(decision, Waiting)
    assert (waiting.then, waiting.reason) == (with_progress(PROBING, consecutive_failures=1), DelayReason.SOURCE)
    assert decision.events == ()
    later = with_progress(PROBING, consecutive_failures=9)
    delayed = single_event(step(later, SourceUnusable(of=requested_effect(later), fault=TEMPORARY)), PostDelayed)
    assert (delayed.reason, delayed.message) == (DelayReason.SOURCE, "later")


def test_probe_too_large_source_fails_post() -> None:
    fact = SourceFound(of=requested_effect(PROBING), media=replace(LARGE, size=4_000_000_001))
    failed = single_event(step(PROBING, fact), PostFailed)
    assert failed.reason is FailureReason.SOURCE_TOO_LARGE
    assert "4000000001" in failed.message


def test_creator_info_without_restriction_leads_to_init() -> None:
    state = step(CHECKING_CREATOR, creator_info(CHECKING_CREATOR)).state
    assert isinstance(state, Initialising)
    assert state.progress.calls.creators == (NOW,)


@pytest.mark.parametrize(
    ("request_says", "creator_says", "field"),
    [
        ({}, {"levels": ("SELF_ONLY",)}, "privacy_level: PUBLIC_TO_EVERYONE"),
        ({"allow_comment": True}, {"comment_disabled": True}, "allow_comment: true"),
        ({"allow_duet": True}, {"duet_disabled": True}, "allow_duet: true"),
        ({"allow_stitch": True}, {"stitch_disabled": True}, "allow_stitch: true"),
    ],
)
def test_creator_restriction_fails_post(request_says: Any, creator_says: Any, field: str) -> None:
    state = with_progress(CHECKING_CREATOR, request=replace(REQUEST, **request_says))
    failed = single_event(step(state, creator_info(state, **creator_says)), PostFailed)
    assert failed.reason is FailureReason.INVALID_REQUEST
    assert failed.message.startswith(field)


def test_creator_switches_not_requested_are_ignored() -> None:
    expect_state(
        step(
            CHECKING_CREATOR,
            creator_info(CHECKING_CREATOR, comment_disabled=True, duet_disabled=True, stitch_disabled=True),
        ),
        Initialising,
    )


@pytest.mark.parametrize(
    ("state", "code", "kind", "reason"),
    [
        (CHECKING_CREATOR, "access_token_invalid", AwaitingCredential, DelayReason.CREDENTIAL),
        (INITIALISING, "access_token_invalid", AwaitingCredential, DelayReason.CREDENTIAL),
        (QUERYING_AFTER, "access_token_invalid", AwaitingCredential, DelayReason.CREDENTIAL),
        (CHECKING_CREATOR, "rate_limit_exceeded", Waiting, DelayReason.RATE_LIMIT),
        (INITIALISING, "rate_limit_exceeded", Waiting, DelayReason.RATE_LIMIT),
        (QUERYING_BEFORE, "rate_limit_exceeded", Waiting, DelayReason.RATE_LIMIT),
        (CHECKING_CREATOR, "spam_risk_too_many_posts", Waiting, DelayReason.DAILY_LIMIT),
        (INITIALISING, "reached_active_user_cap", Waiting, DelayReason.DAILY_LIMIT),
        (CHECKING_CREATOR, "spam_risk_user_banned_from_posting", Finished, FailureReason.CREATOR_CANNOT_POST),
        (CHECKING_CREATOR, "scope_not_authorized", Finished, FailureReason.CREATOR_CANNOT_POST),
        (INITIALISING, "privacy_level_option_mismatch", Finished, FailureReason.REFUSED_BY_TIKTOK),
        (INITIALISING, "never_seen_before", Finished, FailureReason.REFUSED_BY_TIKTOK),
        (QUERYING_BEFORE, "invalid_publish_id", Probing, None),
        (QUERYING_AFTER, "invalid_publish_id", Waiting, None),
    ],
)
def test_refused_call_is_decided_by_code(state: Any, code: str, kind: type[Any], reason: Any) -> None:
    decision = step(state, declined(state, code))
    expect_state(decision, kind)
    reasons = [event.reason for event in decision.events if isinstance(event, PostDelayed | PostFailed)]
    assert reasons == ([reason] if reason else [])
    assert [event.code for event in decision.events if isinstance(event, PostFailed)] == [code] * (kind is Finished)


def test_rate_limit_waits_over_a_minute() -> None:
    assert expect_state(
        step(INITIALISING, declined(INITIALISING, "rate_limit_exceeded")), Waiting
    ).until > NOW + timedelta(seconds=60)


def test_daily_limit_retries_every_hour() -> None:
    waiting = expect_state(step(INITIALISING, declined(INITIALISING, "spam_risk_too_many_posts")), Waiting)
    assert (waiting.until, type(waiting.then), waiting.then.progress.attempt) == (NOW + HOUR, CheckingCreator, 1)


def test_rejected_token_is_reported_and_newer_one_resumes() -> None:
    decision = step(CHECKING_CREATOR, declined(CHECKING_CREATOR, "access_token_invalid", version=3))
    rejected = single_event(decision, TokenRejected)
    assert (rejected.account_id, rejected.version, rejected.service) == ("acc_a", 3, "uploader")
    assert expect_state(step(decision.state, CredentialKnown(3)), AwaitingCredential) == decision.state
    assert expect_state(step(decision.state, CredentialKnown(4)), CheckingCreator).progress.revision == 2


def test_refused_newer_tokens_are_tried_after_a_pause() -> None:
    checking = expect_state(step(AWAITING_CREDENTIAL, CredentialKnown(4)), CheckingCreator)
    checking_or_waiting: Post | None = None
    for version in (4, 5):
        again = step(checking, declined(checking, "access_token_invalid", version=version))
        checking_or_waiting = step(again.state, CredentialKnown(version + 1)).state
        checking = checking_or_waiting.then if isinstance(checking_or_waiting, Waiting) else checking_or_waiting
    assert isinstance(checking_or_waiting, Waiting)


def test_missing_credential_waits_until_not_after() -> None:
    decision = step(INITIALISING, NoCredential(of=requested_effect(INITIALISING), version=-1))
    expect_state(decision, AwaitingCredential)
    assert single_event(decision, PostDelayed).reason is DelayReason.CREDENTIAL
    assert single_event(step(decision.state, Due(), PROGRESS.not_after), PostFailed).reason is FailureReason.TOO_LATE


def test_init_done_commits_sealed_url_before_first_byte() -> None:
    uploading = expect_state(
        step(INITIALISING, InitDone(of=requested_effect(INITIALISING), publish_id="p1", sealed_url="sealed")), Uploading
    )
    assert uploading.session == SESSION
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (0, False)
    assert uploading.progress.calls.inits == (NOW,)


def test_init_done_of_one_chunk_sets_the_mark() -> None:
    state = replace(INITIALISING, media=SMALL)
    uploading = expect_state(
        step(state, InitDone(of=requested_effect(state), publish_id="p1", sealed_url="s")), Uploading
    )
    assert uploading.last_chunk_may_have_left


def test_init_unanswered_begins_next_attempt() -> None:
    probing = expect_state(
        step(INITIALISING, ResultUnknown(of=requested_effect(INITIALISING), reason="reset")), Probing
    )
    assert (probing.progress.attempt, probing.progress.calls.inits) == (2, (NOW,))


def test_init_not_sent_keeps_attempt() -> None:
    waiting = expect_state(
        step(INITIALISING, RequestNotSent(of=requested_effect(INITIALISING), reason="no route")), Waiting
    )
    assert waiting.then == with_progress(INITIALISING, consecutive_failures=1)


def test_init_unanswered_retries_until_not_after() -> None:
    state, now, pauses = INITIALISING, NOW, list[timedelta]()
    decision: Decision[Post] = Decision(state=state)
    while now < PROGRESS.not_after:
        decision = step(state, ResultUnknown(of=requested_effect(state), reason="HTTP 503"), now)
        if isinstance(decision.state, Waiting):
            pauses.append(decision.state.until - now)
            now = decision.state.until
            decision = step(decision.state, Due(), now)
        if now < PROGRESS.not_after:
            state = Initialising(progress=expect_state(decision, Probing).progress, media=LARGE)
    assert max(pauses) == pauses[-1] == timedelta(minutes=30)
    assert single_event(decision, PostFailed).reason is FailureReason.TOO_LATE
    long_lost = with_progress(INITIALISING, attempt=20_000, unanswered_inits=19_999)
    assert expect_state(
        step(long_lost, ResultUnknown(of=requested_effect(long_lost), reason="")), Waiting
    ).until == NOW + timedelta(minutes=30)
