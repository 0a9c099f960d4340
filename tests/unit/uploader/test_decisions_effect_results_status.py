"""After doubt: where TikTok is, what proves an attempt dead, and what time ends."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    GONE,
    HANDED_OVER,
    INITIALISING,
    LARGE,
    LAST,
    LAST_CHUNK,
    NOW,
    PROBING,
    PROGRESS,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    TEMPORARY,
    UPLOADING,
    WAITING,
    chunk_declined,
    creator_info,
    declined,
    expect_state,
    refused,
    requested_effect,
    revisions,
    single_event,
    status_result,
    step,
    with_progress,
)
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostFailed,
    PostUnresolved,
    PostUploaded,
)
from common.streams import Due
from tiktok.models import StatusCode
from uploader_service.decisions_upload import RETRYABLE_FAIL_REASONS
from uploader_service.facts import (
    ChunkRefused,
    InitDone,
    RequestNotSent,
    ResultUnknown,
    SourceInterrupted,
    TakenOver,
    UploadUrlUnreadable,
)
from uploader_service.states import (
    UNRESOLVED_AFTER,
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    Finished,
    HandedOver,
    Post,
    Probing,
    ProvingDead,
    Querying,
    QueryingAfterLastChunk,
    QueryingState,
    QueryingUnsendable,
    Uploading,
    Waiting,
    WorkingState,
)
from uploader_service.transitions import retry_pause

PAST_LIFE = NOW + UPLOAD_URL_LIFETIME + UPLOAD_URL_MARGIN
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(("uploaded", "chunk"), [(0, 0), (10_000_000, 1), (60_000_000, LAST)])
def test_the_upload_goes_on_where_tiktok_is(uploaded: int, chunk: int) -> None:
    uploading = expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, uploaded)), Uploading)
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (chunk, chunk == LAST)
    assert uploading.progress.calls.statuses == (NOW,)
    marked = expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, uploaded)), Uploading)
    assert (marked.next_chunk, marked.last_chunk_may_have_left) == (chunk, True)


@pytest.mark.parametrize("uploaded", [None, 10_000_001])
def test_a_stop_that_is_no_edge_ends_an_attempt_only_before_the_last_may_have_left(uploaded: int | None) -> None:
    assert expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, uploaded)), Probing).progress.attempt == 2
    assert (
        expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, uploaded)), Waiting).then.progress.attempt == 1
    )


@pytest.mark.parametrize("state", [QUERYING_BEFORE, QUERYING_AFTER], ids=["before", "after"])
@pytest.mark.parametrize(
    ("status", "uploaded"),
    [
        (StatusCode.PROCESSING_UPLOAD, LARGE.size),
        (StatusCode.PUBLISH_COMPLETE, None),
        (StatusCode.SEND_TO_USER_INBOX, None),
    ],
)
def test_what_tiktok_has_whole_is_handed_over(state: QueryingState, status: StatusCode, uploaded: int | None) -> None:
    single_event(step(state, status_result(state, uploaded, status)), PostUploaded)


@pytest.mark.parametrize("state", [QUERYING_BEFORE, QUERYING_AFTER], ids=["before", "after"])
def test_what_tiktok_gave_up_is_tried_again_only_where_that_helps(state: QueryingState) -> None:
    for reason in RETRYABLE_FAIL_REASONS:
        assert (
            expect_state(step(state, status_result(state, None, StatusCode.FAILED, reason)), Probing).progress.attempt
            == 2
        )
    failed = single_event(
        step(state, status_result(state, None, StatusCode.FAILED, "duration_check_failed")), PostFailed
    )
    assert (failed.reason, failed.code) == (FailureReason.REFUSED_BY_TIKTOK, "duration_check_failed")


@pytest.mark.parametrize("status", [StatusCode.UNRECOGNISED, StatusCode.PROCESSING_DOWNLOAD])
def test_a_status_that_says_nothing_is_asked_for_again(status: StatusCode) -> None:
    assert (
        expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, None, status)), Waiting).then.progress.attempt
        == 1
    )


def test_after_the_last_chunk_two_answers_after_a_late_refusal_prove_that_an_attempt_is_dead() -> None:
    refusal = ChunkRefused(of=requested_effect(LAST_CHUNK), refused=refused("upload_url_expired", 403))
    locating = expect_state(step(LAST_CHUNK, refusal, PAST_LIFE), ProvingDead)
    waiting = expect_state(step(locating, status_result(locating, 60_000_000), PAST_LIFE), Waiting)
    asking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    probing = expect_state(step(asking, status_result(asking, 60_000_000), waiting.until), Probing)
    assert probing.progress.attempt == 2


def test_after_the_last_chunk_an_early_refusal_proves_nothing() -> None:
    early = PAST_LIFE - timedelta(seconds=1)
    locating = expect_state(
        step(LAST_CHUNK, chunk_declined(LAST_CHUNK, "upload_unknown"), early), QueryingAfterLastChunk
    )
    for _ in range(3):
        locating = expect_state(step(locating, status_result(locating, 60_000_000), early), Uploading)
        locating = replace(QUERYING_AFTER, progress=locating.progress)
    assert locating.progress.attempt == 1


def test_after_the_urls_life_the_last_chunk_is_sent_for_the_refusal_that_is_missing() -> None:
    uploading = expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, 10_000_001), PAST_LIFE), Uploading)
    assert uploading.next_chunk == LAST


def test_after_its_moment_nothing_of_the_post_is_sent_any_more() -> None:
    late = with_progress(QUERYING_AFTER, not_after=NOW + timedelta(minutes=10))
    for moment in (NOW + timedelta(minutes=10), PAST_LIFE):
        assert isinstance(expect_state(step(late, status_result(late, 60_000_000), moment), Waiting).then, Querying)


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        (SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE, last_chunk_never_left=True), Finished),
        (UploadUrlUnreadable(of=requested_effect(LAST_CHUNK), last_chunk_never_left=True), Probing),
    ],
)
def test_an_attempt_whose_last_chunk_nobody_can_have_sent_is_dead_at_once(fact: Any, kind: type[Any]) -> None:
    decision = step(LAST_CHUNK, fact)
    expect_state(decision, kind)
    if kind is Finished:
        assert single_event(decision, PostFailed).reason is FailureReason.SOURCE_UNAVAILABLE
    taken_over = replace(LAST_CHUNK, taken_over=True)
    expect_state(step(taken_over, dataclasses.replace(fact, of=requested_effect(taken_over))), QueryingUnsendable)


def test_an_attempt_that_was_taken_over_says_so_before_its_last_chunk_is_sent() -> None:
    state = expect_state(step(LAST_CHUNK, TakenOver(of=requested_effect(LAST_CHUNK))), Uploading)
    assert state == replace(LAST_CHUNK, taken_over=True)
    assert requested_effect(state).taken_over
    late = SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE, last_chunk_never_left=True)
    assert step(state, late).state == state
    locating = expect_state(
        step(state, ResultUnknown(of=requested_effect(state), reason="reset")), QueryingAfterLastChunk
    )
    assert expect_state(step(locating, status_result(locating, 60_000_000)), Uploading).taken_over


UNSENDABLE = (
    SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE),
    UploadUrlUnreadable(of=requested_effect(LAST_CHUNK)),
)


@pytest.mark.parametrize("fact", UNSENDABLE, ids=lambda fact: type(fact).__name__)
def test_what_cannot_be_sent_any_more_waits_for_the_urls_end_and_two_answers(fact: Any) -> None:
    decision, now, asked = step(LAST_CHUNK, fact), NOW, 0
    while not isinstance(decision.state, Probing):
        state = decision.state
        if isinstance(state, Waiting):
            now = state.until
            decision = step(state, Due(), now)
        else:
            asked += 1
            decision = step(state, status_result(expect_state(decision, Querying), 60_000_000), now)
    assert PAST_LIFE + timedelta(seconds=30) <= now <= PAST_LIFE + timedelta(minutes=7)
    assert asked < 30
    assert decision.state.progress.attempt == 2


@pytest.mark.parametrize(
    "fact",
    [
        SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=TEMPORARY),
        RequestNotSent(of=requested_effect(LAST_CHUNK), reason="no route"),
        *UNSENDABLE,
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_past_the_urls_life_no_refusal_is_waited_for_that_cannot_be_heard(fact: Any) -> None:
    locating = expect_state(step(LAST_CHUNK, fact, PAST_LIFE), Querying)
    waiting = expect_state(step(locating, status_result(locating, 60_000_000), PAST_LIFE), Waiting)
    asking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    assert expect_state(step(asking, status_result(asking, 60_000_000), waiting.until), Probing).progress.attempt == 2
    single_event(step(asking, status_result(asking, LARGE.size), waiting.until), PostUploaded)


def test_what_is_dead_after_its_moment_is_too_late() -> None:
    short = with_progress(QUERYING_AFTER, not_after=NOW + timedelta(minutes=10))
    waiting = expect_state(step(short, status_result(short, 60_000_000), PAST_LIFE), Waiting)
    asking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    failed = single_event(step(asking, status_result(asking, 60_000_000), waiting.until), PostFailed)
    assert failed.reason is FailureReason.TOO_LATE


# -- time


@pytest.mark.parametrize(
    "state", [PROBING, CHECKING_CREATOR, INITIALISING, UPLOADING, QUERYING_BEFORE, WAITING, AWAITING_CREDENTIAL]
)
def test_what_cannot_have_gone_out_fails_when_its_moment_has_passed(state: Post) -> None:
    assert single_event(step(state, Due(), PROGRESS.not_after), PostFailed).reason is FailureReason.TOO_LATE


@pytest.mark.parametrize("state", [UPLOADING, QUERYING_BEFORE])
def test_an_old_url_is_replaced_before_the_last_chunk(state: WorkingState) -> None:
    assert (
        expect_state(step(state, Due(), NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN), Probing).progress.attempt == 2
    )
    assert step(state, Due(), NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN - timedelta(seconds=1)).state == state


@pytest.mark.parametrize(
    "state", [LAST_CHUNK, QUERYING_AFTER, Waiting(until=NOW, reason=DelayReason.TIKTOK, then=QUERYING_AFTER)]
)
def test_what_could_not_be_found_out_in_time_is_handed_over_unresolved(state: Post) -> None:
    decision = step(state, Due(), NOW + UNRESOLVED_AFTER)
    expect_state(decision, HandedOver)
    unresolved = single_event(decision, PostUnresolved)
    assert (unresolved.publish_id, unresolved.attempt, unresolved.revision) == ("p1", 1, 2)


def test_a_last_chunk_whose_moment_has_passed_is_only_found_out() -> None:
    state = with_progress(LAST_CHUNK, not_after=NOW + timedelta(minutes=1))
    expect_state(step(state, Due(), NOW + timedelta(minutes=1)), QueryingAfterLastChunk)


def test_a_wait_ends_at_its_time_and_not_before() -> None:
    assert step(WAITING, Due(), WAITING.until - timedelta(seconds=1)).state == WAITING
    assert step(WAITING, Due(), WAITING.until).state == PROBING


def test_back_off_doubles_is_bounded_and_the_same_each_time() -> None:
    pauses = [retry_pause(consecutive_failures, "post-1") for consecutive_failures in range(1, 40)]
    assert pauses == [retry_pause(consecutive_failures, "post-1") for consecutive_failures in range(1, 40)]
    assert timedelta(seconds=0.75) <= pauses[0] <= timedelta(seconds=1.25)
    assert max(pauses) <= timedelta(minutes=6.25)
    assert retry_pause(5, "post-1") != retry_pause(5, "post-2")


def test_revisions_rise_by_one_over_a_whole_life() -> None:
    numbers: list[int] = []
    state: Post = CHECKING_CREATOR
    moments: list[tuple[Any, datetime]] = [
        (lambda s: declined(s, "spam_risk_too_many_posts"), NOW),
        (lambda s: Due(), NOW + HOUR),
        (creator_info, NOW + HOUR),
        (lambda s: declined(s, "rate_limit_exceeded"), NOW + HOUR),
        (lambda s: Due(), NOW + 2 * HOUR),
        (lambda s: InitDone(of=requested_effect(s), publish_id="p1", sealed_url="s"), NOW + 2 * HOUR),
        (lambda s: ResultUnknown(of=requested_effect(s), reason="reset"), NOW + 2 * HOUR),
        (lambda s: status_result(s, LARGE.size), NOW + 2 * HOUR),
    ]
    for make, now in moments:
        decision = step(state, make(state), now)
        assert decision.state is not None
        state = decision.state
        numbers += revisions(decision)
    assert type(state) is type(HANDED_OVER)
    # The sample before the hand-over repeats the revision that stands.
    assert numbers == [2, 3, 3, 4]
