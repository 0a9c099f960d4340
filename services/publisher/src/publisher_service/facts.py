"""What can happen to a post here: one class for each fact."""

from dataclasses import dataclass

from common.clock import UtcDatetime
from common.contract.post import PrivacyLevel


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
