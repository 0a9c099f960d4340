"""What can happen to a post here: one class for each fact.

A result of a poll names the attempt it is about. A result that arrives after the post has moved on to another attempt
is recognised by that and changes nothing.
"""

from dataclasses import dataclass

from common.clock import UtcDatetime
from common.contract.post import PrivacyLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Base of both hand-overs: what the uploader passes on about a post.

    `publish_id` is TikTok's name of the attempt, and `attempt` the uploader's number of it. `revision` is that of the
    hand-over's event. `at` is when it was handed over: the deadlines count from it. `privacy_level` decides whether
    public ids are expected.
    """

    tenant: str
    publish_id: str
    attempt: int
    revision: int
    at: UtcDatetime
    privacy_level: PrivacyLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Handover):
    """TikTok has every byte of the post (`post.uploaded`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOverUnresolved(Handover):
    """The post may be out, but the uploader could not find out (`post.unresolved`).

    Our own `post.unresolved` is read back as the same fact. It is about an attempt that is followed already, so it
    changes nothing.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StillProcessing:
    """TikTok is not done with the attempt."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """TikTok published the attempt. `video_ids` are the ids it has made public so far."""

    attempt: int
    video_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """TikTok gave the attempt up. `fail_reason` is TikTok's own code."""

    attempt: int
    fail_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRefused:
    """TikTok answered with an error that leaves the post's status unknown, and that a retry does not fix."""

    attempt: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """TikTok received too many polls for this account in the last minute.

    The limit is 30 a minute for one user's token. The uploader's status calls count, too.
    """

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryableFailure:
    """The poll was not sent, its answer was lost, or TikTok asked to try later. Repeating a poll is free."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRejected:
    """TikTok refused the access token of this version.

    `code` is TikTok's. The post waits for a token of a higher version.
    """

    attempt: int
    version: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no usable access token up to and including this version.

    No call was made, or TikTok refused it because the token lacks a permission. A person may have to connect the
    account again.
    """

    attempt: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSeen:
    """The `auth.credentials` view holds an access token of this version."""

    version: int


StatusAnswer = StillProcessing | Completed | AttemptFailed
NoAnswer = StatusRefused | RateLimited | RetryableFailure
CredentialFailure = CredentialRejected | NoCredential
PollResult = StatusAnswer | NoAnswer | CredentialFailure
Fact = HandedOver | HandedOverUnresolved | PollResult | CredentialSeen
