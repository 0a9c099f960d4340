"""Events about posts: the request, and everything that happens to the post afterwards."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from common.contract.body import PostBody, Time
from common.contract.topics import POST_EVENTS, POST_REQUESTS, Topic

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:\-]+$(?!\n)")]
"""An id that a backend chooses: 1 to 128 letters, digits and `. _ : -`."""

Url = Annotated[str, msgspec.Meta(min_length=8, max_length=4096)]
Caption = Annotated[str, msgspec.Meta(max_length=2200)]
"""TikTok's limit for a title is 2,200 UTF-16 code units. The uploader checks the exact count."""


MAX_SCHEDULE_AHEAD = timedelta(days=366)
"""How far ahead of the request its `publish_at` and `not_after` may lie."""

FINISHED_POST_RETENTION = timedelta(days=30)
"""How long every service keeps a finished post, so that a repeated request is recognised and not posted again.

It equals the retention of `post.events`: a record that a service can still read meets a post that it still knows.
"""


class PrivacyLevel(StrEnum):
    """Who may see the post. There is no default: TikTok's guidelines require that the person chooses."""

    PUBLIC_TO_EVERYONE = "PUBLIC_TO_EVERYONE"
    MUTUAL_FOLLOW_FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
    FOLLOWER_OF_CREATOR = "FOLLOWER_OF_CREATOR"
    SELF_ONLY = "SELF_ONLY"


class FailureReason(StrEnum):
    """Why a post ended without being published. The codes are stable; `message` is for people."""

    INVALID_REQUEST = "invalid_request"
    UNKNOWN_ACCOUNT = "unknown_account"
    WRONG_TENANT = "wrong_tenant"
    TOO_OLD = "too_old"
    TOO_LATE = "too_late"
    SOURCE_FORBIDDEN = "source_forbidden"
    SOURCE_UNAVAILABLE = "source_unavailable"
    SOURCE_TOO_LARGE = "source_too_large"
    SOURCE_NOT_A_VIDEO = "source_not_a_video"
    SOURCE_CHANGED = "source_changed"
    CREATOR_CANNOT_POST = "creator_cannot_post"
    REFUSED_BY_TIKTOK = "refused_by_tiktok"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"


class DelayReason(StrEnum):
    """Why a post waits."""

    SCHEDULED = "scheduled"
    ACCOUNT_UNKNOWN_YET = "account_unknown_yet"
    CREDENTIAL = "waiting_for_credential"
    RATE_LIMIT = "rate_limit"
    DAILY_LIMIT = "daily_limit"
    SOURCE = "source_unavailable"
    TIKTOK = "tiktok_unavailable"


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Where the video is: an https URL that supports range requests."""

    url: Url


# Unknown fields are an error here: a misspelt `not_after` would otherwise be ignored.
class PostRequested(PostBody, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A backend requests a post, at most 366 days ahead. `post_id` is the idempotency key: sent twice, posted once."""

    ce_type: ClassVar[str] = "post.requested"
    topic: ClassVar[Topic] = POST_REQUESTS

    post_id: Identifier
    account_id: Identifier
    tenant: Identifier
    source: Source
    privacy_level: PrivacyLevel
    caption: Caption = ""
    # Off by default: the person has to switch each of them on.
    allow_comment: bool = False
    allow_duet: bool = False
    allow_stitch: bool = False
    brand_content: bool = False
    brand_organic: bool = False
    is_aigc: bool = False
    cover_timestamp_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    publish_at: Time | None = None
    not_after: Time | None = None


class PostEvent(PostBody, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened to a post. `revision` counts 1, 2, 3 … over its whole life, in both services."""

    topic: ClassVar[Topic] = POST_EVENTS

    tenant: str
    # It continues at a hand-over, so a reader can order events of both services.
    revision: int
    at: Time


class PostAccepted(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The request is stored, and Postbus is responsible for the post from now on.

    `source_url` has no credentials and no query, because a query may contain a signature.
    """

    ce_type: ClassVar[str] = "post.accepted"

    source_url: str
    privacy_level: PrivacyLevel
    caption: str = ""


class PostDelayed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post waits for `reason`, at least until `until`."""

    ce_type: ClassVar[str] = "post.delayed"

    reason: DelayReason
    until: Time | None = None
    message: str = ""


class PostProgressed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The number of bytes that TikTok has stored, sampled. It does not raise the revision."""

    ce_type: ClassVar[str] = "post.progressed"

    bytes_sent: int
    bytes_total: int


class PostUploaded(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok has every byte under `publish_id`. With this hand-over the publisher owns the post."""

    ce_type: ClassVar[str] = "post.uploaded"

    publish_id: str
    attempt: int
    bytes_total: int
    privacy_level: PrivacyLevel
    # A digest in place of the request: enough to recognise a repeated request.
    request_digest: str


class PostUnresolved(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post may be published; Postbus is finding out. Look at the account before you request it again."""

    ce_type: ClassVar[str] = "post.unresolved"

    publish_id: str
    attempt: int
    privacy_level: PrivacyLevel
    message: str


class PostReturned(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok gave up this attempt, and another one is allowed. The uploader owns the post again."""

    ce_type: ClassVar[str] = "post.returned"

    attempt: int
    code: str
    message: str


class PostPublished(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok reports that the post is complete. Its public ids may follow in `post.available`."""

    ce_type: ClassVar[str] = "post.published"

    publish_id: str


class PostAvailable(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post is visible. TikTok's ids are 19-digit integers, kept as strings because a double would round them."""

    ce_type: ClassVar[str] = "post.available"

    publish_id: str
    video_ids: tuple[str, ...]


class PostFailed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post was not and will not be published. `code` is TikTok's if TikTok refused it."""

    ce_type: ClassVar[str] = "post.failed"

    reason: FailureReason
    message: str
    code: str = ""


class PostRequestConflict(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The same `post_id` was requested again with other content. The first request remains valid."""

    ce_type: ClassVar[str] = "post.request_conflict"

    message: str
