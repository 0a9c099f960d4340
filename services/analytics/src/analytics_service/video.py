"""What collecting a post's numbers can be: its states, what may happen to it, what it can want."""

from datetime import datetime
from typing import TypeAlias

import msgspec


class Collecting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="collecting"):
    """The next numbers are wanted `next_age` seconds after the post became available.

    `tries` counts the calls for this age that brought nothing, `misses` those of them that TikTok answered without
    the video. `called_at` is when TikTok was last asked, for the account's share of calls.
    """

    tenant: str
    video_ids: tuple[str, ...]
    available_at: datetime
    next_age: int
    tries: int = 0
    misses: int = 0
    retry_at: datetime | None = None
    called_at: datetime | None = None


class Parked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="parked"):
    """Waits for a credential newer than `version`; `since` then bounds how long."""

    collecting: Collecting
    version: int
    since: datetime


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """Every age is done. Remembered for a while, so that a repeated event does not start over."""

    tenant: str
    at: datetime
    called_at: datetime | None = None


Video: TypeAlias = Collecting | Parked | Finished


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """One video's totals as TikTok reported them."""

    video_id: str
    view_count: int
    like_count: int
    comment_count: int
    share_count: int
    share_url: str = ""


class BecameAvailable(msgspec.Struct, frozen=True, kw_only=True):
    """The post is visible under these ids."""

    tenant: str
    video_ids: tuple[str, ...]
    at: datetime


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """TikTok told numbers for age `age`, of at least one of the post's videos."""

    age: int
    at: datetime
    numbers: tuple[Numbers, ...]


class NotListed(msgspec.Struct, frozen=True, kw_only=True):
    """TikTok answered without any of the post's videos: not public yet, or not any more."""

    age: int
    at: datetime


class CollectRefused(msgspec.Struct, frozen=True, kw_only=True):
    """TikTok refused the call for a reason that asking again soon does not change."""

    age: int
    at: datetime
    code: str


class Unsettled(msgspec.Struct, frozen=True, kw_only=True):
    """No answer, or one that says later. Asking again costs nothing but a call."""

    age: int
    at: datetime
    reason: str


class NoCredential(msgspec.Struct, frozen=True, kw_only=True):
    """There is no usable access token beyond `version`."""

    version: int


class TokenRefused(msgspec.Struct, frozen=True, kw_only=True):
    """TikTok refused the access token of `version`."""

    version: int
    code: str
    at: datetime


class CredentialSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The account has an access token of `version`."""

    version: int


Fact: TypeAlias = (
    BecameAvailable | Collected | NotListed | CollectRefused | Unsettled | NoCredential | TokenRefused | CredentialSeen
)


class Collect(msgspec.Struct, frozen=True, kw_only=True):
    """Ask TikTok for the numbers of these videos, by the grant of this tenant. `due` is when they were wanted."""

    tenant: str
    video_ids: tuple[str, ...]
    age: int
    due: datetime
