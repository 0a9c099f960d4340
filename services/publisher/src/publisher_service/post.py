"""What a post can be here, what can happen to it, and what it may want done."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from common.clock import UtcDatetime
from common.contract.post import PrivacyLevel


class Verdict(StrEnum):
    """How a post ended here."""

    PUBLISHED = "published"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class OfAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every state knows: whose post, by which attempt, and the revision of the newest event about it.

    `account_rests_until` is what the last poll asks of the whole account: nobody may ask TikTok again before.
    """

    tenant: str
    attempt: int
    publish_id: str
    revision: int
    account_rests_until: UtcDatetime | None = None


class Following(OfAttempt, frozen=True, kw_only=True, omit_defaults=True, tag="following"):
    """TikTok has the post and has not said what became of it. `doubtful`: the world was told it is unresolved.

    `refusals` counts the answers in a row by which TikTok would not say anything about this publish id.
    """

    privacy_level: PrivacyLevel
    handed_over_at: UtcDatetime
    next_at: UtcDatetime
    polls: int = 0
    refusals: int = 0
    doubtful: bool = False


class Published(OfAttempt, frozen=True, kw_only=True, omit_defaults=True, tag="published"):
    """Out; TikTok may still name public ids, or more of them. `polls` counts since the newest id."""

    published_at: UtcDatetime
    next_at: UtcDatetime
    polls: int = 0
    video_ids: tuple[str, ...] = ()


class AwaitingCredential(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="awaiting_credential"):
    """Cannot ask TikTok before there is an access token of a version above `newer_than`; then goes on as `then`."""

    then: Following | Published
    newer_than: int


class Returned(OfAttempt, frozen=True, kw_only=True, omit_defaults=True, tag="returned"):
    """The uploader's again. Kept so that a late word about this attempt is seen to be late."""

    at: UtcDatetime


class Closed(OfAttempt, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """What is remembered of a post about which nothing more is asked."""

    verdict: Verdict
    at: UtcDatetime


Polled = Following | Published
Post = Following | Published | AwaitingCredential | Returned | Closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the uploader tells of a post when it lets go of it."""

    tenant: str
    publish_id: str
    attempt: int
    revision: int
    at: UtcDatetime
    privacy_level: PrivacyLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Handover):
    """Every byte is with TikTok."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOverInDoubt(Handover):
    """It may be out: the uploader could not tell. Our own `post.unresolved`, read back, looks the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StillProcessing:
    """TikTok is not done with the attempt."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """TikTok says the attempt is out. `video_ids` are those it makes public so far."""

    attempt: int
    video_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """TikTok says the attempt failed, and why in its own word."""

    attempt: int
    fail_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRefused:
    """TikTok answered the question with an error that says nothing about the post."""

    attempt: int
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """TikTok has heard too many questions about this account in the last minute."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusUnsettled:
    """No answer: the question was not sent, or its answer did not arrive. Asking again is free."""

    attempt: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRejected:
    """TikTok refused the access token of this version."""

    attempt: int
    version: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoCredential:
    """There is no access token to ask with, up to and including this version."""

    attempt: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialSeen:
    """An access token of this version is there."""

    version: int


Answer = StillProcessing | Completed | GivenUp
NoAnswer = StatusRefused | RateLimited | StatusUnsettled
Tokenless = CredentialRejected | NoCredential
Outcome = Answer | NoAnswer | Tokenless
Fact = HandedOver | HandedOverInDoubt | Outcome | CredentialSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Ask TikTok what became of an attempt. Asking changes nothing, so it may be repeated freely."""

    publish_id: str
    attempt: int
