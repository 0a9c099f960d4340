"""Results of chunks and status queries, before and after the last chunk may have left."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    GONE,
    LARGE,
    LAST,
    LAST_CHUNK,
    NOW,
    PROGRESS,
    QUERYING,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    TEMPORARY,
    UPLOADING,
    chunk_declined,
    expect_state,
    requested_effect,
    single_event,
    status_result,
    step,
    stored,
    with_progress,
)
from common.contract.post import FailureReason, PostFailed, PostProgressed, PostUploaded
from tiktok.models import StatusCode
from uploader_service.decisions_upload import RETRYABLE_FAIL_REASONS
from uploader_service.facts import RequestNotSent, ResultUnknown, SourceInterrupted, UploadUrlUnreadable
from uploader_service.states import (
    UPLOAD_URL_LIFETIME,
    Finished,
    HandedOver,
    Probing,
    QueryingAfterLastChunk,
    QueryingBeforeLastChunk,
    QueryingState,
    QueryingUnsendable,
    Uploading,
    Waiting,
)


def test_stored_chunk_leads_to_next_and_samples_each_second() -> None:
    decision = step(UPLOADING, stored(UPLOADING))
    uploading = expect_state(decision, Uploading)
    assert uploading.next_chunk == 3
    sample = single_event(decision, PostProgressed)
    assert (sample.bytes_sent, sample.bytes_total, sample.revision) == (30_000_000, LARGE.size, 1)
    assert step(uploading, stored(uploading), NOW + timedelta(seconds=0.9)).events == ()
    assert step(uploading, stored(uploading), NOW + timedelta(seconds=1)).events != ()


def test_mark_is_committed_before_last_chunk_is_sent() -> None:
    before_last = replace(UPLOADING, next_chunk=LAST - 1)
    uploading = expect_state(step(before_last, stored(before_last)), Uploading)
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (LAST, True)


def test_last_chunk_is_not_sent_after_not_after() -> None:
    before_last = replace(UPLOADING, next_chunk=LAST - 1)
    short = with_progress(before_last, not_after=NOW)
    assert single_event(step(short, stored(short)), PostFailed).reason is FailureReason.TOO_LATE
    late = step(before_last, stored(before_last), NOW + UPLOAD_URL_LIFETIME)
    assert expect_state(late, Probing).progress.attempt == 2


def test_stored_last_chunk_hands_over() -> None:
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
def test_refused_chunk_ends_attempt_only_before_the_mark(code: str, before: type[Any], after: type[Any]) -> None:
    expect_state(step(UPLOADING, chunk_declined(UPLOADING, code)), before)
    expect_state(step(LAST_CHUNK, chunk_declined(LAST_CHUNK, code)), after)


@pytest.mark.parametrize("state", [UPLOADING, LAST_CHUNK], ids=["before", "after"])
def test_unanswered_chunk_queries_offset(state: Uploading) -> None:
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
def test_unsent_chunk_is_retried(state: Uploading) -> None:
    waiting = expect_state(step(state, RequestNotSent(of=requested_effect(state), reason="no route")), Waiting)
    assert waiting.then == with_progress(state, consecutive_failures=1)


def test_interrupted_source_is_decided_by_mark_and_fault() -> None:
    expect_state(
        step(UPLOADING, SourceInterrupted(of=requested_effect(UPLOADING), fault=TEMPORARY)), QueryingBeforeLastChunk
    )
    assert (
        single_event(step(UPLOADING, SourceInterrupted(of=requested_effect(UPLOADING), fault=GONE)), PostFailed).message
        == "HTTP 404"
    )
    expect_state(step(LAST_CHUNK, SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE)), QueryingUnsendable)


def test_unreadable_url_is_decided_by_mark() -> None:
    assert (
        expect_state(step(UPLOADING, UploadUrlUnreadable(of=requested_effect(UPLOADING))), Probing).progress.attempt
        == 2
    )
    expect_state(step(LAST_CHUNK, UploadUrlUnreadable(of=requested_effect(LAST_CHUNK))), QueryingUnsendable)


@pytest.mark.parametrize(("uploaded", "chunk"), [(0, 0), (10_000_000, 1), (60_000_000, LAST)])
def test_status_continues_at_stored_offset(uploaded: int, chunk: int) -> None:
    uploading = expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, uploaded)), Uploading)
    assert (uploading.next_chunk, uploading.last_chunk_may_have_left) == (chunk, chunk == LAST)
    assert uploading.progress.calls.statuses == (NOW,)
    marked = expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, uploaded)), Uploading)
    assert (marked.next_chunk, marked.last_chunk_may_have_left) == (chunk, True)


@pytest.mark.parametrize("uploaded", [None, 10_000_001])
def test_offset_within_a_chunk_replaces_only_before_the_mark(uploaded: int | None) -> None:
    assert expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, uploaded)), Probing).progress.attempt == 2
    assert (
        expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, uploaded)), Waiting).then.progress.attempt == 1
    )


@pytest.mark.parametrize("state", QUERYING, ids=lambda state: type(state).__name__)
@pytest.mark.parametrize(
    ("status", "uploaded"),
    [
        (StatusCode.PROCESSING_UPLOAD, LARGE.size),
        (StatusCode.PUBLISH_COMPLETE, None),
        (StatusCode.SEND_TO_USER_INBOX, None),
    ],
)
def test_status_with_all_bytes_hands_over(state: QueryingState, status: StatusCode, uploaded: int | None) -> None:
    single_event(step(state, status_result(state, uploaded, status)), PostUploaded)


@pytest.mark.parametrize("state", QUERYING, ids=lambda state: type(state).__name__)
def test_status_failed_retries_only_some_reasons(state: QueryingState) -> None:
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
def test_status_without_offset_is_queried_again(status: StatusCode) -> None:
    assert (
        expect_state(step(QUERYING_BEFORE, status_result(QUERYING_BEFORE, None, status)), Waiting).then.progress.attempt
        == 1
    )
