"""Accounts, returned posts and due times: what they change in each state."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    AWAITING_ACCOUNT,
    AWAITING_CREDENTIAL,
    CHECKING_CREATOR,
    FAILED,
    FORGOTTEN,
    HANDED_OVER,
    INITIALISING,
    INPUTS,
    KEY,
    LARGE,
    LAST_CHUNK,
    NOW,
    PROBING,
    PROGRESS,
    QUERYING,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    REQUEST,
    UPLOADING,
    WAITING,
    WORKING,
    creator_info,
    declined,
    expect_state,
    requested_effect,
    results_of,
    revisions,
    single_event,
    status_result,
    step,
    with_progress,
)
from common.contract.post import (
    DelayReason,
    FailureReason,
    PostDelayed,
    PostFailed,
    PostUnresolved,
)
from common.streams import Due, Wait
from uploader_service.facts import (
    AccountKnown,
    InitDone,
    Requested,
    ResultUnknown,
    Returned,
)
from uploader_service.plans import next_effect
from uploader_service.states import (
    ACCOUNT_WAIT_LIMIT,
    DELAY_EVENT_AFTER,
    UNRESOLVED_AFTER,
    UPLOAD_URL_LIFETIME,
    UPLOAD_URL_MARGIN,
    AwaitingAccount,
    Ending,
    Finished,
    HandedOver,
    Post,
    Probing,
    QueryingAfterLastChunk,
    Waiting,
    WorkingState,
)


def asked(**changes: Any) -> Requested:
    return Requested(request=replace(REQUEST, **changes), recorded_at=NOW)


def test_known_account_begins_post() -> None:
    assert step(AWAITING_ACCOUNT, AccountKnown("t1")).state == Probing(progress=PROGRESS)


def test_account_of_another_tenant_fails_post() -> None:
    assert single_event(step(AWAITING_ACCOUNT, AccountKnown("t2")), PostFailed).reason is FailureReason.WRONG_TENANT


def test_scheduled_post_waits_for_publish_at() -> None:
    moment = NOW + timedelta(hours=3)
    awaiting = expect_state(step(None, asked(publish_at=moment)), AwaitingAccount)
    decision = step(awaiting, AccountKnown("t1"))
    waiting = expect_state(decision, Waiting)
    delayed = single_event(decision, PostDelayed)
    assert (waiting.until, delayed.reason, delayed.until) == (moment, DelayReason.SCHEDULED, moment)
    assert waiting.then.progress.not_after == moment + timedelta(hours=24)
    assert next_effect(KEY, waiting, NOW) == Wait(moment)
    expect_state(step(waiting, Due(), moment), Probing)


def test_unknown_account_is_delayed_and_then_failed() -> None:
    assert next_effect(KEY, AWAITING_ACCOUNT, NOW) == Wait(NOW + DELAY_EVENT_AFTER)
    assert step(AWAITING_ACCOUNT, Due()).state == AWAITING_ACCOUNT
    delayed_once = step(AWAITING_ACCOUNT, Due(), NOW + DELAY_EVENT_AFTER)
    assert single_event(delayed_once, PostDelayed).reason is DelayReason.ACCOUNT_UNKNOWN_YET
    assert delayed_once.state is not None
    assert next_effect(KEY, delayed_once.state, NOW) == Wait(NOW + ACCOUNT_WAIT_LIMIT)
    ended = step(delayed_once.state, Due(), NOW + ACCOUNT_WAIT_LIMIT)
    failed = single_event(ended, PostFailed)
    assert failed.reason is FailureReason.UNKNOWN_ACCOUNT
    assert "acc_a" in failed.message
    assert revisions(delayed_once) + revisions(ended) == [2, 3]


def test_returned_post_continues_publishers_revision() -> None:
    decision = step(HANDED_OVER, Returned(attempt=1, revision=7, code="internal", message=""))
    probing = expect_state(decision, Probing)
    assert (probing.progress.attempt, probing.progress.revision) == (2, 7)
    assert step(probing, Returned(attempt=1, revision=7, code="internal", message="")).state == probing


@pytest.mark.parametrize(("attempt", "revision"), [(2, 7), (1, 1)], ids=["another attempt", "an old record"])
def test_late_return_changes_nothing(attempt: int, revision: int) -> None:
    assert step(HANDED_OVER, Returned(attempt=attempt, revision=revision, code="", message="")).state == HANDED_OVER


def test_return_after_not_after_fails_post() -> None:
    late = step(HANDED_OVER, Returned(attempt=1, revision=7, code="internal", message=""), PROGRESS.not_after)
    assert single_event(late, PostFailed).reason is FailureReason.TOO_LATE
    forgotten = step(FORGOTTEN, Returned(attempt=1, revision=7, code="internal", message=""))
    assert single_event(forgotten, PostFailed).revision == 8
    assert step(FAILED, Returned(attempt=1, revision=7, code="", message="")).state == FAILED


def test_handed_over_post_shrinks_and_is_forgotten() -> None:
    wait = next_effect(KEY, HANDED_OVER, NOW)
    assert isinstance(wait, Wait)
    assert step(HANDED_OVER, Due(), wait.until - timedelta(seconds=1)).state == HANDED_OVER
    small = expect_state(step(HANDED_OVER, Due(), wait.until), Finished)
    assert (small.ending, small.digest) == (Ending.HANDED_OVER, PROGRESS.digest)
    assert next_effect(KEY, small, NOW) == Wait(wait.until + timedelta(days=30))
    assert step(small, Due(), wait.until + timedelta(days=30)).state is None


def test_only_a_request_begins_a_post() -> None:
    for wanting in WORKING:
        for fact in (*results_of(requested_effect(wanting)), *INPUTS[3:]):
            assert step(None, fact).state is None


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "state", [PROBING, CHECKING_CREATOR, INITIALISING, UPLOADING, QUERYING_BEFORE, WAITING, AWAITING_CREDENTIAL]
)
def test_due_not_after_fails_post_before_the_mark(state: Post) -> None:
    assert single_event(step(state, Due(), PROGRESS.not_after), PostFailed).reason is FailureReason.TOO_LATE


@pytest.mark.parametrize("state", [UPLOADING, QUERYING_BEFORE])
def test_due_old_url_is_replaced_before_the_mark(state: WorkingState) -> None:
    assert (
        expect_state(step(state, Due(), NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN), Probing).progress.attempt == 2
    )
    assert step(state, Due(), NOW + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN - timedelta(seconds=1)).state == state


@pytest.mark.parametrize(
    "state", [LAST_CHUNK, *QUERYING[1:], Waiting(until=NOW, reason=DelayReason.TIKTOK, then=QUERYING_AFTER)]
)
def test_due_after_26_hours_hands_over_unresolved(state: Post) -> None:
    decision = step(state, Due(), NOW + UNRESOLVED_AFTER)
    expect_state(decision, HandedOver)
    unresolved = single_event(decision, PostUnresolved)
    assert (unresolved.publish_id, unresolved.attempt, unresolved.revision) == ("p1", 1, 2)


def test_due_not_after_queries_offset_after_the_mark() -> None:
    state = with_progress(LAST_CHUNK, not_after=NOW + timedelta(minutes=1))
    expect_state(step(state, Due(), NOW + timedelta(minutes=1)), QueryingAfterLastChunk)


def test_due_ends_wait_at_its_time_and_not_before() -> None:
    assert step(WAITING, Due(), WAITING.until - timedelta(seconds=1)).state == WAITING
    assert step(WAITING, Due(), WAITING.until).state == PROBING


def test_revisions_rise_by_one_over_a_whole_post() -> None:
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
