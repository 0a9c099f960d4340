"""TikTok's JSON as it is on the wire, as tolerant as its responses need and no more."""

from typing import Annotated

import msgspec

from tiktok.models import CreatorInfo, PublishStatus, StatusCode, TokenResponse, UploadPermit, UserInfo, Video

# A token goes into a header, so only visible ASCII is accepted.
Token = Annotated[str, msgspec.Meta(pattern=r"\A[\x21-\x7e]+\Z")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class ErrorWire(msgspec.Struct, frozen=True, kw_only=True):
    """The error in every response; `ok` means none."""

    code: str
    message: str = ""
    log_id: str = ""


class EnvelopeWire(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope of every response but OAuth's."""

    error: ErrorWire


class DataWire(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a successful response that differs by call."""

    data: msgspec.Raw


class OAuthErrorWire(msgspec.Struct, frozen=True, kw_only=True):
    """OAuth's flat response, as far as it shows success. A gateway in front may send the common envelope instead."""

    access_token: str | None = None
    error: str | ErrorWire | None = None
    error_description: str | None = None
    log_id: str | None = None

    def refusal(self) -> ErrorWire | None:
        """Return the error, if there is one."""
        match self.error:
            case None | "":
                return None
            case str(code):
                return ErrorWire(code=code, message=self.error_description or "", log_id=self.log_id or "")
            case ErrorWire(code="ok"):
                return None
            case ErrorWire() as error:
                return error


MAX_LIFETIME_SECONDS = 10 * 365 * 86_400
"""Longer lifetimes are clamped.

Otherwise an absurd `expires_in` could overflow `datetime` and make us discard valid tokens.
"""


class TokenResponseWire(msgspec.Struct, frozen=True, kw_only=True):
    """The token endpoint's response."""

    open_id: Text
    access_token: Token
    refresh_token: Token
    expires_in: Annotated[int, msgspec.Meta(gt=0)]
    refresh_expires_in: Annotated[int, msgspec.Meta(gt=0)]
    scope: str = ""

    def value(self) -> TokenResponse:
        """Split the scopes at TikTok's commas."""
        return TokenResponse(
            open_id=self.open_id,
            scopes=tuple(scope.strip() for scope in self.scope.split(",") if scope.strip()),
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            expires_in=min(self.expires_in, MAX_LIFETIME_SECONDS),
            refresh_expires_in=min(self.refresh_expires_in, MAX_LIFETIME_SECONDS),
        )


class UserWire(msgspec.Struct, frozen=True, kw_only=True):
    """A person."""

    open_id: Text
    display_name: str | None = None
    username: str | None = None
    avatar_url: str | None = None


class UserInfoWire(msgspec.Struct, frozen=True, kw_only=True):
    """The envelope around a person."""

    user: UserWire

    def value(self) -> UserInfo:
        """Without the profile scope there is no username."""
        user = self.user
        return UserInfo(
            open_id=user.open_id,
            display_name=user.display_name or "",
            username=user.username or "",
            avatar_url=user.avatar_url or "",
        )


class CreatorInfoWire(msgspec.Struct, frozen=True, kw_only=True):
    """What a creator may do now."""

    privacy_level_options: tuple[str, ...]
    creator_nickname: str | None = None
    creator_username: str | None = None
    comment_disabled: bool | None = None
    duet_disabled: bool | None = None
    stitch_disabled: bool | None = None
    max_video_post_duration_sec: int | None = None

    def value(self) -> CreatorInfo:
        """A missing switch is off."""
        return CreatorInfo(
            nickname=self.creator_nickname or "",
            username=self.creator_username or "",
            privacy_level_options=self.privacy_level_options,
            comment_disabled=bool(self.comment_disabled),
            duet_disabled=bool(self.duet_disabled),
            stitch_disabled=bool(self.stitch_disabled),
            max_video_post_duration_sec=self.max_video_post_duration_sec or 0,
        )


class UploadPermitWire(msgspec.Struct, frozen=True, kw_only=True):
    """Permission to upload."""

    publish_id: Text
    upload_url: Text

    def value(self) -> UploadPermit:
        """Both fields are needed: one alone is useless."""
        return UploadPermit(publish_id=self.publish_id, upload_url=self.upload_url)


class StatusWire(msgspec.Struct, frozen=True, kw_only=True):
    """A post's status, with TikTok's spelling of "publicly"."""

    status: Text
    fail_reason: str | None = None
    uploaded_bytes: Count | None = None
    publicaly_available_post_id: list[int | str] | None = None

    def value(self) -> PublishStatus:
        """Turn numeric ids into strings, before anything can round them."""
        return PublishStatus(
            status=StatusCode(self.status),
            fail_reason=self.fail_reason or "",
            uploaded_bytes=self.uploaded_bytes,
            public_ids=tuple(str(number) for number in self.publicaly_available_post_id or ()),
        )


class VideoWire(msgspec.Struct, frozen=True, kw_only=True):
    """A video."""

    id: int | Text
    create_time: int | None = None
    share_url: str | None = None
    view_count: Count | None = None
    like_count: Count | None = None
    comment_count: Count | None = None
    share_count: Count | None = None

    def value(self) -> Video:
        """A missing total is zero: TikTok leaves out what is empty."""
        return Video(
            id=str(self.id),
            create_time=self.create_time or 0,
            share_url=self.share_url or "",
            view_count=self.view_count or 0,
            like_count=self.like_count or 0,
            comment_count=self.comment_count or 0,
            share_count=self.share_count or 0,
        )


class VideosWire(msgspec.Struct, frozen=True, kw_only=True):
    """The videos of a query."""

    videos: tuple[VideoWire, ...] | None = None

    def value(self) -> tuple[Video, ...]:
        """Keep TikTok's order. Videos that are not public, or not the person's, are missing."""
        return tuple(video.value() for video in self.videos or ())
