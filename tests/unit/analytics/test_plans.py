"""The next effect of every state."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from analytics_service import facts, states
from analytics_service.effects import Collect
from analytics_service.plans import CREDENTIAL_WAIT_LIMIT, next_effect
from common.contract.post import FINISHED_POST_RETENTION
from common.streams import StateKey, Wait
from tiktok import models

AGES = (60, 300, 3600)
T0 = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
KEY = StateKey(partition_key="acc_1", entity_id="shop/post-1")
STATS = models.Video(
    id="7512345678901234567",
    create_time=1,
    view_count=10,
    like_count=2,
    comment_count=1,
    share_count=0,
    share_url="https://www.tiktok.com/@a/video/7512345678901234567",
)
YOUNG = states.Collecting(tenant="shop", video_ids=(STATS.id,), available_at=T0, next_age=60)
AWAITING = states.AwaitingCredential(then=YOUNG, newer_than=3, since=T0)
FINISHED = states.Finished(tenant="shop", at=T0)
AVAILABLE = facts.BecameAvailable(tenant="shop", video_ids=(STATS.id,), at=T0)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


WANTS: list[tuple[states.Video, float, object]] = [
    (YOUNG, 59.9, Wait(at(60))),
    (YOUNG, 60, Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(60))),
    (YOUNG, 9999, Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(60))),
    (msgspec.structs.replace(YOUNG, retry_at=at(65)), 64, Wait(at(65))),
    (
        msgspec.structs.replace(YOUNG, retry_at=at(65)),
        65,
        Collect(tenant="shop", video_ids=YOUNG.video_ids, age=60, due=at(65)),
    ),
    (AWAITING, 9999, Wait(T0 + CREDENTIAL_WAIT_LIMIT)),
    (FINISHED, 9999, Wait(T0 + FINISHED_POST_RETENTION)),
]


@pytest.mark.parametrize(("state", "when", "wanted"), WANTS)
def test_next_effect_in_every_state(state: states.Video, when: float, wanted: object) -> None:
    assert next_effect(KEY, state, at(when)) == wanted


def test_collect_asks_for_no_more_ids_than_tiktok_takes() -> None:
    many = msgspec.structs.replace(YOUNG, video_ids=tuple(str(number) for number in range(25)))
    effect = next_effect(KEY, many, at(60))
    assert isinstance(effect, Collect)
    assert len(effect.video_ids) == 20
