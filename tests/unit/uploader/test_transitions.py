"""Pauses and bounds of retries and attempts."""

from datetime import timedelta

from builders.uploader_states import (
    INITIALISING,
    NOW,
    UPLOADING,
    chunk_declined,
    expect_state,
    requested_effect,
    single_event,
    step,
    with_progress,
)
from common.contract.post import FailureReason, PostFailed
from uploader_service.facts import ResultUnknown
from uploader_service.states import Waiting
from uploader_service.transitions import MAX_ATTEMPTS, retry_pause


def test_next_attempt_is_bounded() -> None:
    for lost in (0, 7):
        state = with_progress(UPLOADING, attempt=MAX_ATTEMPTS + lost, unanswered_inits=lost)
        failed = single_event(step(state, chunk_declined(state, "upload_unknown")), PostFailed)
        assert failed.reason is FailureReason.ATTEMPTS_EXHAUSTED
        expect_state(
            step(with_progress(state, unanswered_inits=lost + 1), chunk_declined(state, "upload_unknown")), Waiting
        )


def test_next_attempt_pauses_grow() -> None:
    pauses = []
    for attempt in range(2, MAX_ATTEMPTS):
        state = with_progress(INITIALISING, attempt=attempt)
        pauses.append(
            expect_state(step(state, ResultUnknown(of=requested_effect(state), reason="reset")), Waiting).until - NOW
        )
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(seconds=30)


def test_retry_pause_doubles_and_is_stable() -> None:
    pauses = [retry_pause(consecutive_failures, "post-1") for consecutive_failures in range(1, 40)]
    assert pauses == [retry_pause(consecutive_failures, "post-1") for consecutive_failures in range(1, 40)]
    assert timedelta(seconds=0.75) <= pauses[0] <= timedelta(seconds=1.25)
    assert max(pauses) <= timedelta(minutes=6.25)
    assert retry_pause(5, "post-1") != retry_pause(5, "post-2")
