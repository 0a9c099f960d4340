"""TikTok's quotas for calls, counted over all posts of an account."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from builders.uploader_states import (
    CHECKING_CREATOR,
    FAILED,
    INITIALISING,
    LAST_CHUNK,
    NOW,
    PROBING,
    QUERYING_AFTER,
    QUERYING_BEFORE,
    UPLOADING,
    WAITING,
)
from common.contract.post import DelayReason
from common.streams import EffectRequest, EntityGroup, StateKey
from uploader_service.admission import STATUS_SHARE_PER_MINUTE, admit
from uploader_service.effects import Effect
from uploader_service.plans import requested_effect
from uploader_service.states import CallTimes, Post, Waiting, Working, WorkingState

MINUTE = timedelta(minutes=1)


def group_of(states: dict[str, Post], running: tuple[str, ...] = ()) -> EntityGroup[Post]:
    return EntityGroup(partition_key="acc_a", states=states, running=running)


def requests_of(states: dict[str, Post], running: tuple[str, ...] = ()) -> list[EffectRequest[Effect]]:
    return [
        EffectRequest(StateKey("acc_a", item), requested_effect(state))
        for item, state in states.items()
        if isinstance(state, Working) and item not in running
    ]


def called(state: WorkingState, *, inits: int = 0, statuses: int = 0, ago: float = 10) -> WorkingState:
    times = CallTimes(
        inits=tuple(NOW - timedelta(seconds=ago) for _ in range(inits)),
        statuses=tuple(NOW - timedelta(seconds=ago) for _ in range(statuses)),
    )
    return replace(state, progress=replace(state.progress, calls=times))


def test_probes_and_chunks_start_at_once() -> None:
    states: dict[str, Post] = {"a": PROBING, "b": UPLOADING, "c": LAST_CHUNK}
    admission = admit(group_of(states), requests_of(states), NOW)
    assert {key.entity_id for key in admission.start} == {"a", "b", "c"}
    assert admission.retry_at is None


def test_six_inits_a_minute_start_for_an_account() -> None:
    states: dict[str, Post] = {f"p{n}": INITIALISING for n in range(9)}
    admission = admit(group_of(states), requests_of(states), NOW)
    assert len(admission.start) == 6
    assert admission.retry_at is None
    running = tuple(key.entity_id for key in admission.start)
    assert admit(group_of(states, running), requests_of(states, running), NOW).start == ()


def test_inits_of_finished_posts_count() -> None:
    states: dict[str, Post] = {
        "uploading": called(UPLOADING, inits=3, ago=20),
        "ended": replace(FAILED, inits=(NOW - timedelta(seconds=30), NOW - timedelta(seconds=70))),
        **{f"p{n}": INITIALISING for n in range(4)},
    }
    admission = admit(
        group_of(states), [each for each in requests_of(states) if each.key.entity_id != "uploading"], NOW
    )
    assert len(admission.start) == 2
    assert admission.retry_at == NOW + timedelta(seconds=30)
    assert len(admit(group_of(states), requests_of(states), NOW + MINUTE).start) == 5


def test_status_queries_keep_to_their_share() -> None:
    states: dict[str, Post] = {"a": called(QUERYING_BEFORE, statuses=STATUS_SHARE_PER_MINUTE), "b": QUERYING_AFTER}
    admission = admit(group_of(states), requests_of(states), NOW)
    assert admission.start == ()
    assert admission.retry_at == NOW + timedelta(seconds=50)


@pytest.mark.parametrize("reason", [DelayReason.DAILY_LIMIT, DelayReason.RATE_LIMIT])
def test_limit_met_by_one_post_holds_for_the_account(reason: DelayReason) -> None:
    limited = Waiting(until=NOW + MINUTE, reason=reason, then=CHECKING_CREATOR)
    states: dict[str, Post] = {
        "limited": limited,
        "checking": CHECKING_CREATOR,
        "init": INITIALISING,
        "last": QUERYING_AFTER,
    }
    admission = admit(group_of(states), requests_of(states), NOW)
    assert [key.entity_id for key in admission.start] == ["last"]
    assert admission.retry_at == NOW + MINUTE
    assert len(admit(group_of(states), requests_of(states), NOW + MINUTE).start) == 3


def test_retry_pause_of_one_post_delays_no_other() -> None:
    states: dict[str, Post] = {"slow": WAITING, "init": INITIALISING}
    assert len(admit(group_of(states), requests_of(states), NOW).start) == 1
