"""What can happen to the collection of a post's numbers: one class for each fact."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One video's totals as TikTok reported them."""

    video_id: str
    view_count: int
    like_count: int
    comment_count: int
    share_count: int
    share_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameAvailable:
    """The post is visible under these ids."""

    tenant: str
    video_ids: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """TikTok told numbers for age `age`, of at least one of the post's videos."""

    age: int
    at: datetime
    numbers: tuple[Numbers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotListed:
    """TikTok answered without any of the post's videos: not public yet, or not any more."""

    age: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectRefused:
    """TikTok refused the call for a reason that asking again soon does not change."""

    age: int
    at: datetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """No answer, or one that says later. Asking again costs nothing but a call."""

    age: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no usable access token beyond `version`."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    """TikTok refused the access token of `version`."""

    version: int
    code: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSeen:
    """The account has an access token of `version`."""

    version: int


Fact: TypeAlias = (
    BecameAvailable | Collected | NotListed | CollectRefused | Unsettled | NoCredential | TokenRefused | CredentialSeen
)
