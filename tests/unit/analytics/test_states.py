"""What all states of a collection have in common."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from analytics_service import facts, states
from analytics_service.processor import CollectorProcessor
from common.streams import StateKey
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


@pytest.mark.parametrize("state", [YOUNG, AWAITING, FINISHED], ids=lambda value: type(value).__name__)
def test_state_written_and_read_is_equal(state: states.Video) -> None:
    processor = CollectorProcessor(AGES)
    assert msgspec.json.decode(msgspec.json.encode(state), type=states.Video) == state
    assert processor.fairness_key(state) == states.tenant_of(state) == "shop"
