"""What a post can be here: one class for each state.

A state is stored on `publisher.state` as JSON. Its tag and its fields are therefore a format: samples of both are
frozen in `tests/contracts/states/samples`.
"""

from enum import StrEnum

import msgspec

from common.clock import UtcDatetime
from common.contract.post import PrivacyLevel


class Verdict(StrEnum):
    """How a post ended here.

    `UNRESOLVED` closes a post that TikTok did not decide about within 30 days of the hand-over. No event follows it:
    `post.unresolved` was published long before.
    """

    PUBLISHED = "published"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


class AttemptState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the states that belong to one attempt.

    `revision` is that of the newest event about the post, so the next event can go on counting. `account_paused_until`
    is a limit of the whole account, kept in the post whose poll caused it: no post of the account may poll before it.
    """

    tenant: str
    attempt: int
    publish_id: str
    revision: int
    account_paused_until: UtcDatetime | None = None


class Polling(AttemptState, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the states in which TikTok is asked about the post, next at `next_at`."""

    next_at: UtcDatetime
    polls: int = 0


class Following(Polling, frozen=True, kw_only=True, omit_defaults=True, tag="following"):
    """TikTok has the post and has given no result yet.

    `unresolved` is set once `post.unresolved` was published, so that it is published once. `refusals` counts the polls
    in a row that TikTok refused to answer for this publish id.
    """

    privacy_level: PrivacyLevel
    handed_over_at: UtcDatetime
    refusals: int = 0
    unresolved: bool = False


class Published(Polling, frozen=True, kw_only=True, omit_defaults=True, tag="published"):
    """The post is out. TikTok may still name its public ids, or more of them.

    `polls` counts since the newest id. `video_ids` are in the order in which TikTok named them. Polling ends 48 hours
    after `published_at` (`plans.IDS_EXPECTED_WITHIN`).
    """

    published_at: UtcDatetime
    video_ids: tuple[str, ...] = ()


class AwaitingCredential(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="awaiting_credential"):
    """Cannot poll without an access token of a version above `newer_than`. Then continues as `then`."""

    # The whole state: its polls, ids and deadline continue where they were.
    then: Following | Published
    newer_than: int


class Returned(AttemptState, frozen=True, kw_only=True, omit_defaults=True, tag="returned"):
    """The post is back with the uploader.

    Kept so that a late fact about this attempt is recognised as late.

    It is forgotten 30 days after `at`, like a closed post.
    """

    at: UtcDatetime


class Closed(AttemptState, frozen=True, kw_only=True, omit_defaults=True, tag="closed"):
    """The post has its verdict. Kept so that a repeated hand-over does not start it again."""

    verdict: Verdict
    at: UtcDatetime


Post = Following | Published | AwaitingCredential | Returned | Closed


def attempt_of(state: Post) -> AttemptState:
    """Return the state that belongs to the attempt: the inner one while the post waits for a credential."""
    return state.then if isinstance(state, AwaitingCredential) else state


def tenant_of(state: Post) -> str:
    """Return the tenant that the post belongs to."""
    return attempt_of(state).tenant
