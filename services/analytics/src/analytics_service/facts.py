"""What can happen to the collection of a post's statistics: one class for each fact.

A result of a call names the `age` it was made for. A result that arrives after the state has moved on to another age
is recognised by that and changes nothing.
"""

from dataclasses import dataclass
from typing import TypeAlias

from common.clock import UtcDatetime
from tiktok import models


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameAvailable:
    """The post is visible under these ids (`post.available`)."""

    tenant: str
    video_ids: tuple[str, ...]
    at: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """TikTok returned statistics of at least one of the post's videos.

    `at` is by the clock of this process, right after the answer. Videos that are not public are missing from `videos`.
    """

    age: int
    at: UtcDatetime
    videos: tuple[models.Video, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotVisible:
    """TikTok answered without any of the post's videos: they are not public yet, or no longer."""

    age: int
    at: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRefused:
    """TikTok refused the call for a reason that a retry does not fix."""

    age: int
    at: UtcDatetime
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryableFailure:
    """The call was not sent, its answer was lost, or TikTok asked to try later. Repeating it is free."""

    age: int
    at: UtcDatetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRejected:
    """TikTok refused the access token of this version.

    `code` is TikTok's. Auth gets it as `TokenRejected` and replaces the token.
    """

    version: int
    code: str
    at: UtcDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no usable access token up to and including this version."""

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSeen:
    """The `auth.credentials` view holds an access token of this version."""

    version: int


CallResult: TypeAlias = Collected | NotVisible | CollectionRefused | RetryableFailure
CredentialFailure: TypeAlias = CredentialRejected | NoCredential
CollectResult: TypeAlias = CallResult | CredentialFailure
Fact: TypeAlias = BecameAvailable | CollectResult | CredentialSeen
