"""What the read API answers. Ids are strings everywhere; times are RFC 3339 with an offset."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from analytics_service.read_side.documents import PostState
from analytics_service.read_side.queries import Counted


class Answer(BaseModel):
    """Base of what is answered: built from what the queries return."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Freshness(Answer):
    """How new the answer is."""

    as_of: AwareDatetime | None = Field(
        description="Up to here everything that happened is in the answer, perhaps more."
    )
    lag_seconds: float | None = Field(description="How long before this answer that was.")


class TimelineEntry(Answer):
    """One thing that happened to the post."""

    type: str = Field(description="The event's type, as on Kafka.", examples=["post.published"])
    at: AwareDatetime
    revision: int
    details: dict[str, Any] = Field(description="What else the event said: reasons, messages, sizes, ids.")


class Progress(Answer):
    """How many bytes TikTok has, by the newest sample."""

    bytes_sent: int
    bytes_total: int


class Numbers(Answer):
    """One video's totals as TikTok reported them."""

    video_id: str = Field(description="TikTok's id: a 19-digit integer, as a string.")
    at: AwareDatetime
    age_seconds: int = Field(description="The post's age when they were collected.")
    view_count: int
    like_count: int
    comment_count: int
    share_count: int


class LatestNumbers(Numbers):
    """The newest numbers there are."""

    seconds_ago: float = Field(description="How long ago they were collected.")


class Video(Answer):
    """A video the post became."""

    video_id: str
    share_url: str | None = Field(description="Known once its numbers were collected.")
    latest: LatestNumbers | None


class PostAnswer(Answer):
    """Everything known about a post."""

    account_id: str
    post_id: str
    tenant: str
    state: PostState = Field(description="By the newest event; a verdict may still change.")
    since: AwareDatetime = Field(description="Since when the post is in this state.")
    progress: Progress | None
    videos: list[Video]
    timeline: list[TimelineEntry]
    freshness: Freshness


class SeriesAnswer(Answer):
    """A post's numbers over time, oldest first."""

    account_id: str
    post_id: str
    metrics: list[Numbers]
    next: str | None = Field(description="Where to go on: ask the same with it as `after`. Null where nothing follows.")
    freshness: Freshness


def latest_numbers(counted: Counted, now: datetime) -> LatestNumbers:
    """Add how long ago they were collected."""
    numbers = Numbers.model_validate(counted)
    return LatestNumbers(**numbers.model_dump(), seconds_ago=seconds_between(counted.at, now))


def seconds_between(moment: datetime, now: datetime) -> float:
    """How long ago a moment was; clocks differ, so never less than nothing."""
    return round(max((now - moment).total_seconds(), 0.0), 3)
