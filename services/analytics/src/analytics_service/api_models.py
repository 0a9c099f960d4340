"""The bodies of the read API's answers. Ids are strings everywhere. Times are RFC 3339 with an offset.

The queries return some of these models as they are, so that a number of a video is described once.
"""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from analytics_service.read_side.documents import PostState


class Answer(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(frozen=True)


class Freshness(Answer):
    """How recent the answer is."""

    as_of: AwareDatetime | None = Field(
        description="Everything that happened until then is in the answer. Null until the projector has caught up once."
    )
    lag_seconds: float | None = Field(description="How long ago that was, in seconds.")


class TimelineEvent(Answer):
    """One event of the post."""

    type: str = Field(description="The event's type, as on Kafka.", examples=["post.published"])
    at: AwareDatetime
    revision: int
    details: dict[str, Any] = Field(description="The other fields of the event: reasons, messages, sizes, ids.")


class Progress(Answer):
    """How many bytes TikTok has stored, by the newest sample."""

    bytes_sent: int
    bytes_total: int


class MetricSample(Answer):
    """The statistics of one video at one moment, as TikTok reported them.

    `id` and `share_url` are for the server and in no answer: `id` is the document's `_id`, which cursors need.
    """

    id: str = Field(exclude=True)
    share_url: str = Field(exclude=True)

    video_id: str = Field(description="TikTok's id: a 19-digit integer, as a string.")
    at: AwareDatetime
    age_seconds: int = Field(description="The post's age at that moment, in seconds.")
    view_count: int
    like_count: int
    comment_count: int
    share_count: int


class LatestSample(MetricSample):
    """The newest sample of a video."""

    seconds_ago: float = Field(description="How long ago it was collected.")


class Video(Answer):
    """A video of the post."""

    video_id: str
    share_url: str | None = Field(description="Known once statistics were collected.")
    latest: LatestSample | None


class PostAnswer(Answer):
    """Everything that is known about a post."""

    account_id: str
    post_id: str
    tenant: str
    state: PostState = Field(description="By the newest event. A verdict may still change.")
    since: AwareDatetime = Field(description="Since when the post is in this state.")
    progress: Progress | None
    videos: list[Video]
    timeline: list[TimelineEvent]
    freshness: Freshness


class MetricsAnswer(Answer):
    """A post's statistics over time, oldest first."""

    account_id: str
    post_id: str
    metrics: list[MetricSample]
    next: str | None = Field(
        description="Cursor of the next page: send it as `after` with the same query. Null on the last page."
    )
    freshness: Freshness


def latest_sample(sample: MetricSample, now: datetime) -> LatestSample:
    """Add how long ago a sample was collected."""
    return LatestSample(**dict(sample), seconds_ago=seconds_between(sample.at, now))


def seconds_between(moment: datetime, now: datetime) -> float:
    """Return how long ago a moment was, never less than 0: the clocks of two machines differ."""
    return round(max((now - moment).total_seconds(), 0.0), 3)
