"""Arguments and values of the calls. Secrets are left out of every repr."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenResponse:
    """Tokens for one person. Lifetimes are seconds from now; TikTok has changed them before, so never assume them."""

    open_id: str
    scopes: tuple[str, ...]
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int
    refresh_expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """Whose token it is. What TikTok left out is empty: `username` needs the scope `user.info.profile`."""

    open_id: str
    display_name: str
    username: str
    avatar_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatorInfo:
    """What the creator may do now. A duration of 0: TikTok named none."""

    nickname: str
    username: str
    privacy_level_options: tuple[str, ...]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_post_duration_sec: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPost:
    """The settings of a post. None has a default: TikTok's guidelines ask the person to choose each of them."""

    title: str
    privacy_level: str
    disable_comment: bool
    disable_duet: bool
    disable_stitch: bool
    brand_content_toggle: bool
    brand_organic_toggle: bool
    is_aigc: bool
    video_cover_timestamp_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPermit:
    """Permission to upload, for an hour. Anyone who has `upload_url` can upload."""

    publish_id: str
    upload_url: str = field(repr=False)


class StatusCode(StrEnum):
    """How far TikTok is with a post. A new status is `UNRECOGNISED`, which is not final."""

    PROCESSING_UPLOAD = "PROCESSING_UPLOAD"
    PROCESSING_DOWNLOAD = "PROCESSING_DOWNLOAD"
    SEND_TO_USER_INBOX = "SEND_TO_USER_INBOX"
    PUBLISH_COMPLETE = "PUBLISH_COMPLETE"
    FAILED = "FAILED"
    UNRECOGNISED = "UNRECOGNISED"

    @classmethod
    def _missing_(cls, _value: object) -> "StatusCode":
        return cls.UNRECOGNISED


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishStatus:
    """A post's status. Ids are 19-digit integers on the wire and strings here, as a double would round them."""

    status: StatusCode
    fail_reason: str
    uploaded_bytes: int | None
    public_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A public video and its totals. `create_time` is in seconds since 1970."""

    id: str
    create_time: int
    share_url: str
    view_count: int
    like_count: int
    comment_count: int
    share_count: int
