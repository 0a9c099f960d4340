"""The states and events that each transition makes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contract.post import FailureReason, PostAvailable, PostFailed, PostPublished, PrivacyLevel
from common.streams import StateKey
from publisher_service import facts, states, transitions

KEY = StateKey("acc_a", "t1/post-1")
THEN = datetime(2027, 1, 1, 12, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)
PUBLIC = PrivacyLevel.PUBLIC_TO_EVERYONE
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "v_pub_file~v2-1.7"}
FOLLOWING = states.Following(**COMMON, revision=4, privacy_level=PUBLIC, handed_over_at=THEN, next_at=NOW)
AVAILABLE = states.Published(**COMMON, revision=6, published_at=THEN, next_at=NOW, video_ids=("71",))


def test_publish_with_ids_makes_two_events_in_order() -> None:
    decision = transitions.publish(KEY, FOLLOWING, ("7600000000000123457",), NOW)

    about: dict[str, Any] = {
        "account_id": "acc_a",
        "post_id": "post-1",
        "tenant": "t1",
        "at": NOW,
        "publish_id": "v_pub_file~v2-1.7",
    }
    assert decision.events == (
        PostPublished(**about, revision=5),
        PostAvailable(**about, revision=6, video_ids=("7600000000000123457",)),
    )
    assert isinstance(decision.state, states.Published)
    assert decision.state.revision == 6


def test_add_video_ids_publishes_all_ids() -> None:
    decision = transitions.add_video_ids(KEY, AVAILABLE, ("72",), NOW)

    (event,) = decision.events
    assert isinstance(event, PostAvailable)
    assert (event.video_ids, event.revision) == (("71", "72"), 7)


@pytest.mark.parametrize("level", [level for level in PrivacyLevel if level is not PUBLIC])
def test_publish_closes_post_that_is_not_public(level: PrivacyLevel) -> None:
    decision = transitions.publish(KEY, replace(FOLLOWING, privacy_level=level), (), NOW)

    assert isinstance(decision.state, states.Closed)
    assert decision.state.verdict is states.Verdict.PUBLISHED
    assert [type(event) for event in decision.events] == [PostPublished]


def test_end_attempt_names_and_explains_final_reason() -> None:
    (event,) = transitions.end_attempt(KEY, FOLLOWING, "duration_check_failed", NOW).events

    assert isinstance(event, PostFailed)
    assert (event.reason, event.code) == (FailureReason.REFUSED_BY_TIKTOK, "duration_check_failed")
    assert (event.revision, event.at) == (5, NOW)
    assert "length" in event.message


def test_unchanged_keeps_the_same_state() -> None:
    decision = transitions.unchanged(FOLLOWING)
    assert decision.state is FOLLOWING
    assert decision.events == ()


def test_poll_again_counts_poll_and_pauses_account() -> None:
    decision = transitions.poll_again(KEY, FOLLOWING, facts.StillProcessing(attempt=2), NOW)
    assert isinstance(decision.state, states.Following)
    assert decision.state.polls == FOLLOWING.polls + 1
    assert decision.state.account_paused_until is not None
    assert decision.state.next_at >= decision.state.account_paused_until > NOW
