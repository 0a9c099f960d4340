"""Events about a video's statistics."""

from typing import ClassVar

from common.contract.body import PostBody, Time
from common.contract.topics import METRICS_EVENTS, Topic


class MetricsCollected(PostBody, frozen=True, kw_only=True, omit_defaults=True):
    """A video's counters as TikTok reported them at `at`. They are totals, not increments."""

    ce_type: ClassVar[str] = "metrics.collected"
    topic: ClassVar[Topic] = METRICS_EVENTS

    tenant: str
    video_id: str
    at: Time
    age_seconds: int
    view_count: int
    like_count: int
    comment_count: int
    share_count: int
    share_url: str = ""
