"""What a post can be here: one class for each state."""

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


def attempt_of(state: Post) -> OfAttempt:
    """Return the part that every state has."""
    return state.then if isinstance(state, AwaitingCredential) else state


def tenant_of(state: Post) -> str:
    """Say whose post it is."""
    return attempt_of(state).tenant
