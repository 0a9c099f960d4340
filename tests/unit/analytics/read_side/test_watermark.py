"""When a watermark is reached."""

from datetime import UTC, datetime

from analytics_service.read_side.watermark import Watermark
from common.streams import TopicPartition

POSTS, METRICS = TopicPartition("post.events", 3), TopicPartition("metrics.events", 3)
WATERMARK = Watermark(at=datetime(2026, 5, 1, tzinfo=UTC), ends={POSTS: 7, METRICS: 0})


def test_watermark_is_reached_at_the_end_of_every_topic() -> None:
    assert WATERMARK.is_reached({POSTS: 7, METRICS: 0})
    assert WATERMARK.is_reached({POSTS: 9, METRICS: 4})


def test_watermark_is_not_reached_before_any_end() -> None:
    assert not WATERMARK.is_reached({POSTS: 6, METRICS: 4})
