"""What becomes of a post when an effect has ended, state by state."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    GONE,
    INITIALISING,
    INPUTS,
    LARGE,
    LAST,
    LAST_CHUNK,
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
    UPLOADING,
    WORKING,
    chunk_declined,
    creator_info,
    declined,
    expect_state,
    requested_effect,
    results_of,
    single_event,
    step,
    stored,
    with_progress,
)
from common.contract.account import TokenRejected
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostDelayed,
    PostFailed,
    PostProgressed,
    PostUploaded,
)
from common.streams import Decision, Due
from uploader_service.facts import (
    CredentialKnown,
    InitDone,
    NoCredential,
    RequestNotSent,
    ResultUnknown,
    SourceFound,
    SourceInterrupted,
    SourceUnusable,
    UploadUrlUnreadable,
)
from uploader_service.states import (
    UPLOAD_URL_LIFETIME,
    AwaitingCredential,
    CheckingCreator,
    Finished,
    HandedOver,
    Initialising,
    Post,
    Probing,
    QueryingAfterLastChunk,
    QueryingBeforeLastChunk,
    QueryingUnsendable,
    Uploading,
    Waiting,
    WorkingState,
)
from uploader_service.transitions import MAX_ATTEMPTS

HOUR = timedelta(hours=1)
names = [type(state).__name__ for state in STATES]


@pytest.mark.parametrize("state", STATES, ids=names)
@pytest.mark.parametrize("wanting", WORKING, ids=[type(state).__name__ for state in WORKING])
def test_an_outcome_of_another_state_changes_nothing(state: Post, wanting: WorkingState) -> None:
    late = replace(wanting, progress=replace(wanting.progress, attempt=2))
    for fact in results_of(requested_effect(late)):
        assert step(state, fact).state == state
        assert step(state, fact).events == ()


@pytest.mark.parametrize("state", WORKING, ids=[type(state).__name__ for state in WORKING])
def test_every_outcome_of_what_is_wanted_changes_the_state(state: WorkingState) -> None:
    for fact in results_of(requested_effect(state)):
        assert step(state, fact).state != state, fact


def test_nothing_but_a_request_begins_a_post() -> None:
    for wanting in WORKING:
        for fact in (*results_of(requested_effect(wanting)), *INPUTS[3:]):
            assert step(None, fact).state is None


# -- probing


def test_a_source_that_is_there_leads_to_the_creator() -> None:
    state = with_progress(PROBING, consecutive_failures=3)
    assert step(state, SourceFound(of=requested_effect(state), media=LARGE)).state == CHECKING_CREATOR


def test_a_source_that_is_gone_ends_the_post() -> None:
    failed = single_event(step(PROBING, SourceUnusable(of=requested_effect(PROBING), fault=GONE)), PostFailed)
    assert (failed.reason, failed.message) == (FailureReason.SOURCE_UNAVAILABLE, "HTTP 404")


def test_a_source_that_may_come_back_is_looked_at_again() -> None:
    decision = step(PROBING, SourceUnusable(of=requested_effect(PROBING), fault=TEMPORARY))
    waiting = expect_state(decision, Waiting)
    assert (waiting.then, waiting.reason) == (with_progress(PROBING, consecutive_failures=1), DelayReason.SOURCE)
    assert decision.events == ()
    later = with_progress(PROBING, consecutive_failures=9)
    delayed = single_event(step(later, SourceUnusable(of=requested_effect(later), fault=TEMPORARY)), PostDelayed)
    assert (delayed.reason, delayed.message) == (DelayReason.SOURCE, "later")


def test_a_source_larger_than_tiktok_takes_ends_the_post() -> None:
    fact = SourceFound(of=requested_effect(PROBING), media=replace(LARGE, size=4_000_000_001))
    failed = single_event(step(PROBING, fact), PostFailed)
    assert failed.reason is FailureReason.SOURCE_TOO_LARGE
    assert "4000000001" in failed.message


# -- asking


def test_a_creator_who_may_post_this_leads_to_init() -> None:
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
def test_what_the_creator_does_not_allow_is_refused(request_says: Any, creator_says: Any, field: str) -> None:
    state = with_progress(CHECKING_CREATOR, request=replace(REQUEST, **request_says))
    failed = single_event(step(state, creator_info(state, **creator_says)), PostFailed)
    assert failed.reason is FailureReason.INVALID_REQUEST
    assert failed.message.startswith(field)


def test_what_is_not_asked_for_may_be_switched_off() -> None:
    expect_state(
        step(
            CHECKING_CREATOR,
            creator_info(CHECKING_CREATOR, comment_disabled=True, duet_disabled=True, stitch_disabled=True),
        ),
        Initialising,
    )


# -- refusals of calls, by code


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
def test_a_refused_call_is_decided_by_its_code(state: Any, code: str, kind: type[Any], reason: Any) -> None:
    decision = step(state, declined(state, code))
    expect_state(decision, kind)
    said = [event.reason for event in decision.events if isinstance(event, PostDelayed | PostFailed)]
    assert said == ([reason] if reason else [])
    assert [event.code for event in decision.events if isinstance(event, PostFailed)] == [code] * (kind is Finished)


def test_a_rate_limit_is_waited_out_for_more_than_a_minute() -> None:
    assert expect_state(
        step(INITIALISING, declined(INITIALISING, "rate_limit_exceeded")), Waiting
    ).until > NOW + timedelta(seconds=60)


def test_a_daily_limit_is_asked_about_again_every_hour() -> None:
    waiting = expect_state(step(INITIALISING, declined(INITIALISING, "spam_risk_too_many_posts")), Waiting)
    assert (waiting.until, type(waiting.then), waiting.then.progress.attempt) == (NOW + HOUR, CheckingCreator, 1)


def test_a_rejected_token_is_told_to_auth_and_a_newer_one_lets_the_post_go_on() -> None:
    decision = step(CHECKING_CREATOR, declined(CHECKING_CREATOR, "access_token_invalid", version=3))
    rejected = single_event(decision, TokenRejected)
    assert (rejected.account_id, rejected.version, rejected.service) == ("acc_a", 3, "uploader")
    assert expect_state(step(decision.state, CredentialKnown(3)), AwaitingCredential) == decision.state
    assert expect_state(step(decision.state, CredentialKnown(4)), CheckingCreator).progress.revision == 2


def test_newer_tokens_that_are_refused_too_are_not_tried_in_a_hurry() -> None:
    asking = expect_state(step(AWAITING_CREDENTIAL, CredentialKnown(4)), CheckingCreator)
    asking_or_waiting: Post | None = None
    for version in (4, 5):
        again = step(asking, declined(asking, "access_token_invalid", version=version))
        asking_or_waiting = step(again.state, CredentialKnown(version + 1)).state
        asking = asking_or_waiting.then if isinstance(asking_or_waiting, Waiting) else asking_or_waiting
    assert isinstance(asking_or_waiting, Waiting)


def test_without_a_credential_the_post_waits_for_one_until_its_moment_has_passed() -> None:
    decision = step(INITIALISING, NoCredential(of=requested_effect(INITIALISING), version=-1))
    expect_state(decision, AwaitingCredential)
    assert single_event(decision, PostDelayed).reason is DelayReason.CREDENTIAL
    assert single_event(step(decision.state, Due(), PROGRESS.not_after), PostFailed).reason is FailureReason.TOO_LATE


# -- initialising


def test_an_opened_attempt_is_written_down_with_its_sealed_url_before_a_byte_leaves() -> None:
    uploading = expect_state(
        step(INITIALISING, InitDone(of=requested_effect(INITIALISING), publish_id="p1", sealed_url="sealed")), Uploading
    )
    assert uploading.session == SESSION
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (0, False)
    assert uploading.progress.calls.inits == (NOW,)


def test_of_a_file_of_one_chunk_the_first_is_the_last() -> None:
    state = replace(INITIALISING, media=SMALL)
    uploading = expect_state(
        step(state, InitDone(of=requested_effect(state), publish_id="p1", sealed_url="s")), Uploading
    )
    assert uploading.last_chunk_may_have_left


def test_a_lost_answer_to_init_leads_to_another_attempt() -> None:
    probing = expect_state(
        step(INITIALISING, ResultUnknown(of=requested_effect(INITIALISING), reason="reset")), Probing
    )
    assert (probing.progress.attempt, probing.progress.calls.inits) == (2, (NOW,))


def test_an_init_that_never_left_is_the_same_attempt() -> None:
    waiting = expect_state(
        step(INITIALISING, RequestNotSent(of=requested_effect(INITIALISING), reason="no route")), Waiting
    )
    assert waiting.then == with_progress(INITIALISING, consecutive_failures=1)


def test_attempts_are_bounded() -> None:
    for lost in (0, 7):
        state = with_progress(UPLOADING, attempt=MAX_ATTEMPTS + lost, unanswered_inits=lost)
        failed = single_event(step(state, chunk_declined(state, "upload_unknown")), PostFailed)
        assert failed.reason is FailureReason.ATTEMPTS_EXHAUSTED
        expect_state(
            step(with_progress(state, unanswered_inits=lost + 1), chunk_declined(state, "upload_unknown")), Waiting
        )


def test_while_init_gets_no_answer_the_post_is_tried_until_its_moment_has_passed() -> None:
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


def test_later_attempts_follow_after_longer_and_longer() -> None:
    pauses = []
    for attempt in range(2, MAX_ATTEMPTS):
        state = with_progress(INITIALISING, attempt=attempt)
        pauses.append(
            expect_state(step(state, ResultUnknown(of=requested_effect(state), reason="reset")), Waiting).until - NOW
        )
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=30)


# -- uploading


def test_a_stored_chunk_leads_to_the_next_and_is_told_once_a_second() -> None:
    decision = step(UPLOADING, stored(UPLOADING))
    uploading = expect_state(decision, Uploading)
    assert uploading.next_chunk == 3
    sample = single_event(decision, PostProgressed)
    assert (sample.bytes_sent, sample.bytes_total, sample.revision) == (30_000_000, LARGE.size, 1)
    assert step(uploading, stored(uploading), NOW + timedelta(seconds=0.9)).events == ()
    assert step(uploading, stored(uploading), NOW + timedelta(seconds=1)).events != ()


def test_that_the_last_chunk_may_have_left_is_written_down_before_it_can_leave() -> None:
    before_last = replace(UPLOADING, next_chunk=LAST - 1)
    uploading = expect_state(step(before_last, stored(before_last)), Uploading)
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (LAST, True)


def test_a_post_whose_moment_passes_before_the_last_chunk_is_not_finished() -> None:
    before_last = replace(UPLOADING, next_chunk=LAST - 1)
    short = with_progress(before_last, not_after=NOW)
    assert single_event(step(short, stored(short)), PostFailed).reason is FailureReason.TOO_LATE
    late = step(before_last, stored(before_last), NOW + UPLOAD_URL_LIFETIME)
    assert expect_state(late, Probing).progress.attempt == 2


def test_the_whole_file_is_handed_over() -> None:
    decision = step(LAST_CHUNK, stored(LAST_CHUNK, complete=True))
    assert decision.state == HandedOver(progress=replace(PROGRESS, revision=2), publish_id="p1", at=NOW)
    uploaded = single_event(decision, PostUploaded)
    assert (uploaded.publish_id, uploaded.attempt, uploaded.revision) == ("p1", 1, 2)
    assert (uploaded.bytes_total, uploaded.request_digest) == (LARGE.size, PROGRESS.digest)


@pytest.mark.parametrize(
    ("code", "before", "after"),
    [
        ("upload_out_of_step", QueryingBeforeLastChunk, QueryingAfterLastChunk),
        ("upload_url_expired", Probing, QueryingAfterLastChunk),
        ("upload_unknown", Probing, QueryingAfterLastChunk),
        ("upload_refused", Finished, QueryingAfterLastChunk),
        ("rate_limit_exceeded", Waiting, Waiting),
        ("upload_host_not_allowed", Waiting, Waiting),
    ],
)
def test_a_refused_chunk_ends_an_attempt_only_before_the_last_may_have_left(
    code: str, before: type[Any], after: type[Any]
) -> None:
    expect_state(step(UPLOADING, chunk_declined(UPLOADING, code)), before)
    expect_state(step(LAST_CHUNK, chunk_declined(LAST_CHUNK, code)), after)


@pytest.mark.parametrize("state", [UPLOADING, LAST_CHUNK], ids=["before", "after"])
def test_a_lost_answer_to_a_chunk_is_found_out(state: Uploading) -> None:
    kind = QueryingAfterLastChunk if state.last_chunk_may_have_left else QueryingBeforeLastChunk
    querying = expect_state(step(state, ResultUnknown(of=requested_effect(state), reason="reset")), kind)
    again = replace(state, progress=querying.progress)
    assert (
        expect_state(
            step(again, ResultUnknown(of=requested_effect(again), reason="reset")), Waiting
        ).then.progress.consecutive_failures
        == 2
    )


@pytest.mark.parametrize("state", [UPLOADING, LAST_CHUNK], ids=["before", "after"])
def test_a_chunk_that_never_left_is_sent_again(state: Uploading) -> None:
    waiting = expect_state(step(state, RequestNotSent(of=requested_effect(state), reason="no route")), Waiting)
    assert waiting.then == with_progress(state, consecutive_failures=1)


def test_a_source_that_breaks_within_a_chunk() -> None:
    expect_state(
        step(UPLOADING, SourceInterrupted(of=requested_effect(UPLOADING), fault=TEMPORARY)), QueryingBeforeLastChunk
    )
    assert (
        single_event(step(UPLOADING, SourceInterrupted(of=requested_effect(UPLOADING), fault=GONE)), PostFailed).message
        == "HTTP 404"
    )
    expect_state(step(LAST_CHUNK, SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE)), QueryingUnsendable)


def test_a_url_sealed_for_another_key() -> None:
    assert (
        expect_state(step(UPLOADING, UploadUrlUnreadable(of=requested_effect(UPLOADING))), Probing).progress.attempt
        == 2
    )
    expect_state(step(LAST_CHUNK, UploadUrlUnreadable(of=requested_effect(LAST_CHUNK))), QueryingUnsendable)
