"""What proves an attempt dead after its last chunk may have left."""

import dataclasses
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
    QUERYING_AFTER,
    TEMPORARY,
    chunk_declined,
    expect_state,
    refused,
    requested_effect,
    single_event,
    status_result,
    step,
    with_progress,
)
from common.contract.post import FailureReason, PostFailed, PostUploaded
from common.streams import Due
from uploader_service.facts import (
    ChunkRefused,
    RequestNotSent,
    ResultUnknown,
    SourceInterrupted,
    TakenOver,
    UploadUrlUnreadable,
)
from uploader_service.states import (
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    Finished,
    Probing,
    ProvingDead,
    Querying,
    QueryingAfterLastChunk,
    QueryingUnsendable,
    Uploading,
    Waiting,
)

PAST_LIFE = NOW + UPLOAD_URL_LIFETIME + UPLOAD_URL_MARGIN


def test_two_answers_after_late_refusal_prove_attempt_dead() -> None:
    refusal = ChunkRefused(of=requested_effect(LAST_CHUNK), refused=refused("upload_url_expired", 403))
    querying = expect_state(step(LAST_CHUNK, refusal, PAST_LIFE), ProvingDead)
    waiting = expect_state(step(querying, status_result(querying, 60_000_000), PAST_LIFE), Waiting)
    checking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    probing = expect_state(step(checking, status_result(checking, 60_000_000), waiting.until), Probing)
    assert probing.progress.attempt == 2


def test_early_refusal_proves_nothing() -> None:
    early = PAST_LIFE - timedelta(seconds=1)
    querying = expect_state(
        step(LAST_CHUNK, chunk_declined(LAST_CHUNK, "upload_unknown"), early), QueryingAfterLastChunk
    )
    for _ in range(3):
        querying = expect_state(step(querying, status_result(querying, 60_000_000), early), Uploading)
        querying = replace(QUERYING_AFTER, progress=querying.progress)
    assert querying.progress.attempt == 1


def test_expired_url_resends_last_chunk_for_its_refusal() -> None:
    uploading = expect_state(step(QUERYING_AFTER, status_result(QUERYING_AFTER, 10_000_001), PAST_LIFE), Uploading)
    assert uploading.next_chunk == LAST


def test_nothing_is_sent_after_not_after() -> None:
    late = with_progress(QUERYING_AFTER, not_after=NOW + timedelta(minutes=10))
    for time in (NOW + timedelta(minutes=10), PAST_LIFE):
        assert isinstance(expect_state(step(late, status_result(late, 60_000_000), time), Waiting).then, Querying)


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        (SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE, last_chunk_never_left=True), Finished),
        (UploadUrlUnreadable(of=requested_effect(LAST_CHUNK), last_chunk_never_left=True), Probing),
    ],
)
def test_attempt_with_unsent_last_chunk_is_dead_at_once(fact: Any, kind: type[Any]) -> None:
    decision = step(LAST_CHUNK, fact)
    expect_state(decision, kind)
    if kind is Finished:
        assert single_event(decision, PostFailed).reason is FailureReason.SOURCE_UNAVAILABLE
    taken_over = replace(LAST_CHUNK, taken_over=True)
    expect_state(step(taken_over, dataclasses.replace(fact, of=requested_effect(taken_over))), QueryingUnsendable)


def test_takeover_is_committed_before_last_chunk() -> None:
    state = expect_state(step(LAST_CHUNK, TakenOver(of=requested_effect(LAST_CHUNK))), Uploading)
    assert state == replace(LAST_CHUNK, taken_over=True)
    assert requested_effect(state).taken_over
    late = SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE, last_chunk_never_left=True)
    assert step(state, late).state == state
    querying = expect_state(
        step(state, ResultUnknown(of=requested_effect(state), reason="reset")), QueryingAfterLastChunk
    )
    assert expect_state(step(querying, status_result(querying, 60_000_000)), Uploading).taken_over


UNSENDABLE = (
    SourceInterrupted(of=requested_effect(LAST_CHUNK), fault=GONE),
    UploadUrlUnreadable(of=requested_effect(LAST_CHUNK)),
)


@pytest.mark.parametrize("fact", UNSENDABLE, ids=lambda fact: type(fact).__name__)
def test_unsendable_waits_for_url_end_and_two_answers(fact: Any) -> None:
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
def test_unsendable_after_url_end_needs_no_refusal(fact: Any) -> None:
    querying = expect_state(step(LAST_CHUNK, fact, PAST_LIFE), Querying)
    waiting = expect_state(step(querying, status_result(querying, 60_000_000), PAST_LIFE), Waiting)
    checking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    assert (
        expect_state(step(checking, status_result(checking, 60_000_000), waiting.until), Probing).progress.attempt == 2
    )
    single_event(step(checking, status_result(checking, LARGE.size), waiting.until), PostUploaded)


def test_dead_attempt_after_not_after_is_too_late() -> None:
    short = with_progress(QUERYING_AFTER, not_after=NOW + timedelta(minutes=10))
    waiting = expect_state(step(short, status_result(short, 60_000_000), PAST_LIFE), Waiting)
    checking = expect_state(step(waiting, Due(), waiting.until), ProvingDead)
    failed = single_event(step(checking, status_result(checking, 60_000_000), waiting.until), PostFailed)
    assert failed.reason is FailureReason.TOO_LATE
