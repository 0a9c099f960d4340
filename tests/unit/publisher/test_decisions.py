"""What each fact changes in each state, and which events are published."""

from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from common.contract.account import TokenRejected
from common.contract.post import (
    FINISHED_POST_RETENTION,
    PostAvailable,
    PostFailed,
    PostPublished,
    PostReturned,
    PostUnresolved,
    PrivacyLevel,
)
from common.streams import Due, StateKey
from publisher_service import facts, states
from publisher_service.decisions import decide

KEY = StateKey("acc_a", "t1/post-1")
THEN = datetime(2027, 1, 1, 12, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)
PUBLIC = PrivacyLevel.PUBLIC_TO_EVERYONE

HANDOVER: dict[str, Any] = {
    "tenant": "t1",
    "publish_id": "v_pub_file~v2-1.7",
    "revision": 4,
    "at": THEN,
    "privacy_level": PUBLIC,
}
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "v_pub_file~v2-1.7"}
FOLLOWING = states.Following(**COMMON, revision=4, privacy_level=PUBLIC, handed_over_at=THEN, next_at=NOW)
PUBLISHED = states.Published(**COMMON, revision=5, published_at=THEN, next_at=NOW)
AVAILABLE = replace(PUBLISHED, revision=6, video_ids=("71",))

STATES: dict[str, states.Post | None] = {
    "none": None,
    "following": FOLLOWING,
    "published": PUBLISHED,
    "available": AVAILABLE,
    "awaiting": states.AwaitingCredential(then=FOLLOWING, newer_than=3),
    "awaiting_ids": states.AwaitingCredential(then=PUBLISHED, newer_than=3),
    "returned": states.Returned(**COMMON, revision=5, at=THEN),
    "closed": states.Closed(**COMMON, revision=5, verdict=states.Verdict.PUBLISHED, at=THEN),
}
FACTS: dict[str, facts.Fact | Due] = {
    "handed over, same attempt": facts.HandedOver(attempt=2, **HANDOVER),
    "handed over, older attempt": facts.HandedOver(attempt=1, **HANDOVER),
    "handed over, newer attempt": facts.HandedOver(attempt=3, **HANDOVER),
    "unresolved, same attempt": facts.HandedOverUnresolved(attempt=2, **HANDOVER),
    "unresolved, newer attempt": facts.HandedOverUnresolved(attempt=3, **HANDOVER),
    "processing": facts.StillProcessing(attempt=2),
    "complete": facts.Completed(attempt=2),
    "complete with id": facts.Completed(attempt=2, video_ids=("71",)),
    "complete with ids": facts.Completed(attempt=2, video_ids=("71", "72")),
    "failed for good": facts.AttemptFailed(attempt=2, fail_reason="duration_check_failed"),
    "failed, retryable": facts.AttemptFailed(attempt=2, fail_reason="internal"),
    "refused": facts.StatusRefused(attempt=2, code="invalid_publish_id", message=""),
    "rate limited": facts.RateLimited(attempt=2),
    "retryable": facts.RetryableFailure(attempt=2, reason="timeout"),
    "token rejected": facts.CredentialRejected(attempt=2, version=3, code="access_token_invalid"),
    "no credential": facts.NoCredential(attempt=2, version=3),
    "credential, same": facts.CredentialSeen(version=3),
    "credential, newer": facts.CredentialSeen(version=4),
    "due": Due(),
    "late processing": facts.StillProcessing(attempt=1),
    "late complete": facts.Completed(attempt=1, video_ids=("70",)),
    "late failure": facts.AttemptFailed(attempt=1, fail_reason="internal"),
    "late refusal": facts.StatusRefused(attempt=1, code="x", message=""),
    "late limit": facts.RateLimited(attempt=1),
    "late retryable": facts.RetryableFailure(attempt=1, reason="x"),
    "late rejection": facts.CredentialRejected(attempt=1, version=3, code="x"),
    "late want of a credential": facts.NoCredential(attempt=1, version=3),
}
# What is not listed changes nothing and says nothing.
CHANGES: dict[tuple[str, str], tuple[type[states.Post], tuple[type, ...]]] = {
    **{(fact, "none"): (states.Following, ()) for fact in FACTS if fact.startswith(("handed over", "unresolved"))},
    **{
        (f"{how}, newer attempt", state): (states.Following, ())
        for how, state in product(("handed over", "unresolved"), ("following", "awaiting", "returned"))
    },
    **{(fact, "following"): (states.Following, ()) for fact in ("processing", "refused", "rate limited", "retryable")},
    ("complete", "following"): (states.Published, (PostPublished,)),
    ("complete with id", "following"): (states.Published, (PostPublished, PostAvailable)),
    ("complete with ids", "following"): (states.Published, (PostPublished, PostAvailable)),
    ("failed for good", "following"): (states.Closed, (PostFailed,)),
    ("failed, retryable", "following"): (states.Returned, (PostReturned,)),
    **{
        (fact, state): (states.Published, ())
        for state in ("published", "available")
        for fact in (
            *("processing", "complete", "refused", "rate limited", "retryable"),
            *("failed for good", "failed, retryable"),
        )
    },
    ("complete with id", "published"): (states.Published, (PostAvailable,)),
    ("complete with ids", "published"): (states.Published, (PostAvailable,)),
    ("complete with id", "available"): (states.Published, ()),
    ("complete with ids", "available"): (states.Published, (PostAvailable,)),
    **{
        (fact, state): (states.AwaitingCredential, events)
        for state in ("following", "published", "available")
        for fact, events in (("token rejected", (TokenRejected,)), ("no credential", ()))
    },
    ("credential, newer", "awaiting"): (states.Following, ()),
    ("credential, newer", "awaiting_ids"): (states.Published, ()),
}


@pytest.mark.parametrize(("fact", "state"), list(product(FACTS, STATES)))
def test_decide_every_fact_in_every_state(fact: str, state: str) -> None:
    before = STATES[state]

    decision = decide(KEY, before, FACTS[fact], NOW)

    expected = CHANGES.get((fact, state))
    if expected is None:
        assert decision.state is before
        assert decision.events == ()
    else:
        assert (type(decision.state), tuple(type(event) for event in decision.events)) == expected
        assert decision.state != before


def test_handover_becomes_following_state() -> None:
    state = decide(KEY, None, facts.HandedOver(attempt=2, **HANDOVER), NOW).state

    assert isinstance(state, states.Following)
    assert (state.tenant, state.attempt, state.publish_id) == ("t1", 2, "v_pub_file~v2-1.7")
    assert (state.revision, state.handed_over_at, state.privacy_level) == (4, THEN, PUBLIC)
    assert not state.unresolved
    assert timedelta(seconds=2) <= state.next_at - NOW <= timedelta(seconds=3)


def test_returned_post_is_followed_at_its_next_attempt() -> None:
    returned = decide(KEY, FOLLOWING, FACTS["failed, retryable"], NOW)
    (event,) = returned.events
    assert isinstance(event, PostReturned)
    assert (event.attempt, event.code, event.revision) == (2, "internal", 5)

    again = facts.HandedOver(attempt=3, **{**HANDOVER, "publish_id": "v_pub_file~v2-1.8", "revision": 6})
    state = decide(KEY, returned.state, again, NOW).state
    assert isinstance(state, states.Following)
    assert (state.attempt, state.publish_id, state.revision) == (3, "v_pub_file~v2-1.8", 6)


def test_rejected_token_is_reported_to_auth_once() -> None:
    fact = FACTS["token rejected"]
    first = decide(KEY, FOLLOWING, fact, NOW)
    assert first.events == (
        TokenRejected(account_id="acc_a", version=3, code="access_token_invalid", service="publisher", at=NOW),
    )
    assert decide(KEY, first.state, fact, NOW).events == ()


def test_newer_token_lets_post_poll_at_once() -> None:
    state = decide(KEY, STATES["awaiting"], facts.CredentialSeen(version=4), NOW).state

    assert state == replace(FOLLOWING, next_at=NOW)


def test_day_without_verdict_publishes_unresolved_once() -> None:
    a_day_later = THEN + timedelta(hours=24)
    before = decide(KEY, FOLLOWING, facts.StillProcessing(attempt=2), a_day_later - timedelta(seconds=1))
    assert before.events == ()

    first = decide(KEY, FOLLOWING, facts.StillProcessing(attempt=2), a_day_later)
    second = decide(KEY, first.state, facts.StillProcessing(attempt=2), a_day_later + timedelta(hours=1))

    (event,) = first.events
    assert isinstance(event, PostUnresolved)
    assert (event.publish_id, event.attempt, event.revision) == ("v_pub_file~v2-1.7", 2, 5)
    assert second.events == ()
    assert isinstance(second.state, states.Following)
    assert second.state.unresolved


def test_own_unresolved_event_read_back_changes_nothing() -> None:
    doubted = decide(KEY, FOLLOWING, facts.StillProcessing(attempt=2), THEN + timedelta(hours=24)).state

    echo = decide(KEY, doubted, facts.HandedOverUnresolved(attempt=2, **{**HANDOVER, "revision": 5}), NOW)

    assert echo.state is doubted
    assert echo.events == ()


def test_unresolved_handover_is_not_published_again() -> None:
    state = decide(KEY, None, facts.HandedOverUnresolved(attempt=2, **HANDOVER), NOW).state

    assert decide(KEY, state, facts.StillProcessing(attempt=2), THEN + timedelta(days=2)).events == ()


def test_five_refusals_in_a_row_make_post_unresolved() -> None:
    refused = FACTS["refused"]
    state: states.Post | None = FOLLOWING
    for fact in (
        refused,
        refused,
        refused,
        refused,
        facts.StillProcessing(attempt=2),
        refused,
        refused,
        refused,
        refused,
    ):
        decision = decide(KEY, state, fact, NOW)
        assert decision.events == ()
        state = decision.state

    fifth = decide(KEY, state, refused, NOW)

    assert [type(event) for event in fifth.events] == [PostUnresolved]
    assert decide(KEY, fifth.state, refused, NOW).events == ()


def test_unresolved_post_may_still_be_published() -> None:
    doubted = decide(KEY, FOLLOWING, facts.StillProcessing(attempt=2), THEN + timedelta(hours=24)).state

    (event,) = decide(KEY, doubted, facts.Completed(attempt=2), THEN + timedelta(hours=30)).events

    assert isinstance(event, PostPublished)
    assert event.revision == 6


def test_awaiting_credential_keeps_the_deadline() -> None:
    at = THEN + timedelta(hours=24)
    first = decide(KEY, STATES["awaiting"], Due(), at)
    assert [type(event) for event in first.events] == [PostUnresolved]
    assert isinstance(first.state, states.AwaitingCredential)

    again = decide(KEY, first.state, Due(), at)
    assert again.state is first.state

    end = decide(KEY, first.state, Due(), THEN + timedelta(days=30))
    assert isinstance(end.state, states.Closed)
    assert end.state.verdict is states.Verdict.UNRESOLVED


def test_polling_for_ids_ends_after_two_days() -> None:
    for fact, state in ((facts.Completed(attempt=2), PUBLISHED), (Due(), STATES["awaiting_ids"])):
        end = decide(KEY, state, fact, THEN + timedelta(hours=48))
        assert isinstance(end.state, states.Closed)
        assert end.state.verdict is states.Verdict.PUBLISHED
        assert end.events == ()


@pytest.mark.parametrize("state", ["returned", "closed"])
def test_finished_post_is_forgotten_after_retention(state: str) -> None:
    almost = THEN + FINISHED_POST_RETENTION - timedelta(seconds=1)
    assert decide(KEY, STATES[state], Due(), almost).state is STATES[state]
    assert decide(KEY, STATES[state], Due(), THEN + FINISHED_POST_RETENTION).state is None
