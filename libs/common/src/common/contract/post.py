"""Events about posts: what backends ask for, and everything that happens to it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

import msgspec

from common.contract.body import PostBody, Time
from common.contract.topics import POST_EVENTS, POST_REQUESTS, Topic

Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._:\-]+$(?!\n)")]
"""An id a backend may choose: 1 to 128 of letters, digits and `. _ : -`."""

Url = Annotated[str, msgspec.Meta(min_length=8, max_length=4096)]
Caption = Annotated[str, msgspec.Meta(max_length=2200)]
"""At most 2,200 UTF-16 code units (TikTok, video title); the exact count is checked by the uploader."""


MAX_SCHEDULE_AHEAD = timedelta(days=366)
"""How far ahead of the request its `publish_at` and `not_after` may lie."""

FINISHED_POST_RETENTION = timedelta(days=30)
"""How long every service keeps a finished post, so that a repeated request is recognised and not posted again.

It equals the retention of `post.events`: a record that a service can still read meets a post that it still knows.
"""


class PrivacyLevel(StrEnum):
    """Who may see the post. There is no default: the person chooses (TikTok's content sharing guidelines)."""

    PUBLIC_TO_EVERYONE = "PUBLIC_TO_EVERYONE"
    MUTUAL_FOLLOW_FRIENDS = "MUTUAL_FOLLOW_FRIENDS"
    FOLLOWER_OF_CREATOR = "FOLLOWER_OF_CREATOR"
    SELF_ONLY = "SELF_ONLY"


class FailureReason(StrEnum):
    """Why a post ended without being published. Stable codes; the text beside them is for people."""

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
    """Where the bytes come from: an https address that answers range requests."""

    url: Url


class PostRequested(PostBody, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A backend wants a video posted within 366 days. `post_id` is its idempotency key: asked twice, posted once."""

    ce_type: ClassVar[str] = "post.requested"
    topic: ClassVar[Topic] = POST_REQUESTS

    post_id: Identifier
    account_id: Identifier
    tenant: Identifier
    source: Source
    privacy_level: PrivacyLevel
    caption: Caption = ""
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
    """Something that happened to a post. `revision` counts 1, 2, 3 … over the post's life, across its owners."""

    topic: ClassVar[Topic] = POST_EVENTS

    tenant: str
    revision: int
    at: Time


class PostAccepted(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The request is written down; from here on Postbus answers for the post.

    `source_url` is shown without credentials and without its query, which may hold a signature.
    """

    ce_type: ClassVar[str] = "post.accepted"

    source_url: str
    privacy_level: PrivacyLevel
    caption: str = ""


class PostDelayed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post waits: why, and until when at the earliest."""

    ce_type: ClassVar[str] = "post.delayed"

    reason: DelayReason
    until: Time | None = None
    message: str = ""


class PostProgressed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A sample of how many bytes TikTok has stored. Does not raise the revision."""

    ce_type: ClassVar[str] = "post.progressed"

    bytes_sent: int
    bytes_total: int


class PostUploaded(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Handed over: every byte is with TikTok under `publish_id`. The publisher owns the post from here."""

    ce_type: ClassVar[str] = "post.uploaded"

    publish_id: str
    attempt: int
    bytes_total: int
    privacy_level: PrivacyLevel
    request_digest: str


class PostUnresolved(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post may be out; it is being found out. Do not ask again."""

    ce_type: ClassVar[str] = "post.unresolved"

    publish_id: str
    attempt: int
    privacy_level: PrivacyLevel
    message: str


class PostReturned(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok gave the attempt up and another one is allowed; the uploader owns the post again."""

    ce_type: ClassVar[str] = "post.returned"

    attempt: int
    code: str
    message: str


class PostPublished(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """TikTok says the post is complete. Public ids may follow in `post.available`."""

    ce_type: ClassVar[str] = "post.published"

    publish_id: str


class PostAvailable(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post is visible. Ids are TikTok's 19-digit integers, as strings: a double would round them."""

    ce_type: ClassVar[str] = "post.available"

    publish_id: str
    video_ids: tuple[str, ...]


class PostFailed(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The post did not and will not go out. `code` is TikTok's where TikTok decided."""

    ce_type: ClassVar[str] = "post.failed"

    reason: FailureReason
    message: str
    code: str = ""


class PostRequestConflict(PostEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The same `post_id` was asked for again with other content; the first request stands."""

    ce_type: ClassVar[str] = "post.request_conflict"

    message: str
