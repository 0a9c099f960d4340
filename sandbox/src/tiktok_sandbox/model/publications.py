"""A publication: everything that came of one init, and its status.

Most changes of status happen by the clock. A publication therefore stores when things will happen, and its status
is computed from the time of the question; no task has to move it.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.settings import Delays, Profile

DAY_SECONDS: Final = 86_400.0
PUBLIC: Final = "PUBLIC_TO_EVERYONE"


class Medium(StrEnum):
    """What is published."""

    VIDEO = "VIDEO"
    PHOTO = "PHOTO"


class Mode(StrEnum):
    """Whether the app posts directly, or leaves a draft in the creator's inbox."""

    DIRECT_POST = "DIRECT_POST"
    MEDIA_UPLOAD = "MEDIA_UPLOAD"


class Source(StrEnum):
    """Who transfers the bytes: the app uploads them, or TikTok downloads them."""

    FILE_UPLOAD = "FILE_UPLOAD"
    PULL_FROM_URL = "PULL_FROM_URL"


class PublishStatus(StrEnum):
    """The statuses of status/fetch."""

    PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
    PROCESSING_DOWNLOAD = "PROCESSING_DOWNLOAD"
    SEND_TO_USER_INBOX = "SEND_TO_USER_INBOX"
    PUBLISH_COMPLETE = "PUBLISH_COMPLETE"
    FAILED = "FAILED"


PULL_FAILED: Final = {Medium.VIDEO: "video_pull_failed", Medium.PHOTO: "photo_pull_failed"}
FAIL_REASONS: Final = frozenset(
    {
        *PULL_FAILED.values(),
        "file_format_check_failed",
        "duration_check_failed",
        "frame_rate_check_failed",
        "picture_size_check_failed",
        "internal",
        "publish_cancelled",
        "auth_removed",
        "spam_risk_too_many_posts",
        "spam_risk_user_banned_from_posting",
        "spam_risk_text",
        "spam_risk",
    }
)
TRANSFERRING: Final = frozenset({PublishStatus.PROCESSING_UPLOAD, PublishStatus.PROCESSING_DOWNLOAD})


class PostInfo(Struct, frozen=True, kw_only=True):
    """What the creator chose for the post.

    `description` and `auto_add_music` are for photos only.
    """

    title: str = ""
    description: str = ""
    privacy_level: str = ""
    disable_comment: bool = False
    disable_duet: bool = False
    disable_stitch: bool = False
    brand_content_toggle: bool = False
    brand_organic_toggle: bool = False
    is_aigc: bool = False
    auto_add_music: bool = False
    video_cover_timestamp_ms: int = 0


class File(Struct, frozen=True, kw_only=True):
    """One file as it was received."""

    sha256: str
    size: int


class Processing(Struct, frozen=True, kw_only=True):
    """What processing finds once all bytes are there, and when.

    Its times may lie in the future.

    `sha256` is that of the video or of the first photo. `public_at` is when moderation ends.
    """

    received_at: float
    decided_at: float
    public_at: float
    sha256: str
    fail_reason: str = ""
    files: tuple[File, ...] = ()


class PublicPeriod(Struct, frozen=True, kw_only=True):
    """A period in which everyone can see a post; `until` is None while it lasts."""

    since: float
    until: float | None = None


class Post(Struct, frozen=True, kw_only=True):
    """One post on TikTok. A draft can be posted several times and then has several."""

    post_id: int
    privacy_level: str
    posted_at: float
    public_periods: tuple[PublicPeriod, ...] = ()
    taken_down_at: float | None = None

    @property
    def public_at(self) -> float | None:
        """When everyone can see the post for the first time.

        None if its privacy level never allowed it.
        """
        return self.public_periods[0].since if self.public_periods else None


class Failure(Struct, frozen=True, kw_only=True):
    """When and why a publication failed."""

    at: float
    reason: str


class Publication(Struct, frozen=True, kw_only=True):
    """One accepted init and everything that came of it.

    An unfinished transfer fails at `deadline` with `abandoned_reason`. If that is empty it stays unfinished for
    ever.
    """

    publish_id: str
    post_id: int
    open_id: str
    client_key: str = ""
    username: str = ""
    medium: Medium = Medium.VIDEO
    mode: Mode = Mode.DIRECT_POST
    source: Source = Source.FILE_UPLOAD
    urls: tuple[str, ...] = ()
    cover_index: int = 0
    post_info: PostInfo
    plan: ChunkPlan
    delays: Delays
    inited_at: float
    deadline: float | None = None
    abandoned_reason: str = ""
    uploaded_bytes: int = 0
    processing: Processing | None = None
    failure: Failure | None = None
    posts: tuple[Post, ...] = ()

    @property
    def is_draft(self) -> bool:
        """Whether the creator must still post it."""
        return self.mode is Mode.MEDIA_UPLOAD


def find_post(publication: Publication, post_id: int) -> Post | None:
    """Return the post with this id, or None."""
    return next((each for each in publication.posts if each.post_id == post_id), None)


def failure_of(publication: Publication, now: float) -> Failure | None:
    """Return why the publication failed, or None if it has not failed by `now`."""
    failure, processing = publication.failure, publication.processing
    if failure is not None:
        return failure if failure.at <= now else None
    if processing is not None:
        verdict = Failure(at=processing.decided_at, reason=processing.fail_reason)
        return verdict if verdict.reason and verdict.at <= now else None
    # No task watches the deadline. The failure exists as soon as the status is read after it.
    if publication.abandoned_reason and publication.deadline is not None and publication.deadline <= now:
        return Failure(at=publication.deadline, reason=publication.abandoned_reason)
    return None


def publish_status(publication: Publication, now: float) -> PublishStatus:
    """Return the status at `now`."""
    if failure_of(publication, now) is not None:
        return PublishStatus.FAILED
    # Posts are added when processing starts, with a time in the future.
    if any(each.posted_at <= now for each in publication.posts):
        return PublishStatus.PUBLISH_COMPLETE
    if publication.processing is None or now < publication.processing.decided_at:
        by_upload = publication.source is Source.FILE_UPLOAD
        return PublishStatus.PROCESSING_UPLOAD if by_upload else PublishStatus.PROCESSING_DOWNLOAD
    return PublishStatus.SEND_TO_USER_INBOX


def is_public(post: Post, now: float) -> bool:
    """Return whether everyone can see this post.

    Only then is its id published, and only then do its statistics grow.
    """
    return any(each.since <= now and (each.until is None or now < each.until) for each in post.public_periods)


def public_posts(publication: Publication, now: float) -> tuple[Post, ...]:
    """Return the posts that everyone can see."""
    return tuple(each for each in publication.posts if is_public(each, now))


def count_posts_of_last_day(publications: Iterable[Publication], now: float) -> int:
    """Count the direct posts of the last day that use up the cap.

    Only posts whose bytes all arrived and that did not fail count.
    """
    return sum(
        1
        for each in publications
        if not each.is_draft
        and each.processing is not None
        and not each.processing.fail_reason
        and each.failure is None
        and each.processing.received_at > now - DAY_SECONDS
    )


def creator_block_code(profile: Profile, publications: Iterable[Publication], now: float) -> str:
    """Return the code that keeps a person from posting through any app now.

    Empty if nothing does.
    """
    if profile.banned:
        return "spam_risk_user_banned_from_posting"
    # All apps share the day's cap, also those that exist only as a number in the profile.
    used = count_posts_of_last_day(publications, now) + profile.posted_elsewhere
    return "spam_risk_too_many_posts" if used >= profile.daily_post_cap else ""
