"""Which of an account's posts may poll, and how long the account pauses after a poll."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from common.contract.post import PrivacyLevel
from common.streams import Admission, EffectRequest, EntityGroup, StateKey
from publisher_service import states
from publisher_service.admission import ACCOUNT_POLL_INTERVAL, POLLS_PER_MINUTE, admit
from publisher_service.decisions import decide
from publisher_service.effects import Poll
from publisher_service.facts import Completed, RateLimited, StillProcessing
from publisher_service.plans import next_effect

KEY = StateKey("acc_a", "t1/post-1")
THEN = datetime(2027, 1, 1, 12, tzinfo=UTC)
LATER = THEN + timedelta(seconds=10)
COMMON: dict[str, Any] = {"tenant": "t1", "attempt": 2, "publish_id": "v_pub_file~v2-1.7", "revision": 4}
FOLLOWING = states.Following(
    **COMMON,
    privacy_level=PrivacyLevel.PUBLIC_TO_EVERYONE,
    handed_over_at=THEN,
    next_at=LATER,
    account_paused_until=None,
)
PUBLISHED = states.Published(**COMMON, published_at=THEN, next_at=LATER)
POLL = Poll(publish_id="v_pub_file~v2-1.7", attempt=2)
DAY = timedelta(days=1)


def group(posts: dict[str, states.Post], running: tuple[str, ...] = ()) -> EntityGroup[states.Post]:
    return EntityGroup(partition_key="acc_a", states=posts, running=running)


def request(name: str) -> EffectRequest[Poll]:
    return EffectRequest(StateKey("acc_a", name), POLL)


def test_admit_prefers_longest_waiting_post_without_verdict() -> None:
    posts: dict[str, states.Post] = {
        "early-id": replace(PUBLISHED, next_at=THEN),
        "late": replace(FOLLOWING, next_at=LATER),
        "early": replace(FOLLOWING, next_at=THEN),
    }
    assert admit(group(posts), [request(name) for name in posts], LATER) == Admission(
        start=(StateKey("acc_a", "early"),)
    )


def test_admit_one_post_of_an_account_at_a_time() -> None:
    posts: dict[str, states.Post] = {"a": FOLLOWING, "b": FOLLOWING}
    assert admit(group(posts, running=("a",)), [request("b")], LATER) == Admission(start=())


def test_admit_without_requests_starts_nothing() -> None:
    assert admit(group({"a": FOLLOWING}), [], LATER) == Admission(start=())


@pytest.mark.parametrize(
    "paused",
    [
        replace(FOLLOWING, account_paused_until=LATER),
        replace(PUBLISHED, account_paused_until=LATER),
        states.AwaitingCredential(then=replace(PUBLISHED, account_paused_until=LATER), newer_than=1),
        states.Returned(**COMMON, at=THEN, account_paused_until=LATER),
        states.Closed(**COMMON, at=THEN, verdict=states.Verdict.PUBLISHED, account_paused_until=LATER),
    ],
)
def test_admit_keeps_account_pause_of_every_state(paused: states.Post) -> None:
    posts: dict[str, states.Post] = {"a": paused, "b": FOLLOWING}
    assert admit(group(posts), [request("b")], THEN) == Admission(start=(), retry_at=LATER)
    assert admit(group(posts), [request("b")], LATER) == Admission(start=(StateKey("acc_a", "b"),))


def test_admit_keeps_many_posts_within_account_share() -> None:
    posts: dict[str, states.Post] = {f"post-{number}": replace(FOLLOWING, next_at=THEN) for number in range(40)}
    now, asked = THEN, []
    while now < THEN + timedelta(minutes=5):
        requests = [request(name) for name, state in posts.items() if isinstance(next_effect(KEY, state, now), Poll)]
        admission = admit(group(posts), requests, now)
        for key in admission.start:
            asked.append(now)
            fact = Completed(attempt=2) if len(asked) % 3 else StillProcessing(attempt=2)
            after = decide(key, posts[key.entity_id], fact, now).state
            assert after is not None
            posts[key.entity_id] = after
        now += timedelta(milliseconds=100)

    busiest = max(sum(start <= at < start + timedelta(minutes=1) for at in asked) for start in asked)
    assert POLLS_PER_MINUTE - 2 <= busiest <= POLLS_PER_MINUTE


def test_rate_limit_pauses_account_for_a_minute() -> None:
    limited = decide(KEY, FOLLOWING, RateLimited(attempt=2), LATER).state
    assert isinstance(limited, states.Following)
    assert limited.account_paused_until == LATER + timedelta(minutes=1)
    assert limited.next_at >= LATER + timedelta(minutes=1)


def test_answer_pauses_account_for_poll_interval() -> None:
    for fact in (Completed(attempt=2), StillProcessing(attempt=2)):
        state = decide(KEY, FOLLOWING, fact, LATER).state
        assert isinstance(state, states.Following | states.Published)
        assert state.account_paused_until == LATER + ACCOUNT_POLL_INTERVAL
