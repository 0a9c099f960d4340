"""What collecting a post's statistics can be: one class for each state.

A state is stored on `analytics.state` as JSON. Its tag and its fields are therefore a format: samples of both are
frozen in `tests/contracts/states/samples`.
"""

from typing import TypeAlias

import msgspec

from common.clock import UtcDatetime


class Collecting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="collecting"):
    """The next statistics are wanted when the post is `next_age` seconds old.

    `tries` counts the calls for this age that brought nothing, and `misses` those among them that TikTok answered
    without the video. `called_at` is the time of the last call: it counts against the account's share of calls.
    """

    tenant: str
    video_ids: tuple[str, ...]
    available_at: UtcDatetime
    next_age: int
    tries: int = 0
    misses: int = 0
    retry_at: UtcDatetime | None = None
    called_at: UtcDatetime | None = None


class AwaitingCredential(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="awaiting_credential"):
    """Cannot collect without an access token of a version above `newer_than`.

    Then continues as `then`.

    `since` is when the wait began. After `plans.CREDENTIAL_WAIT_LIMIT` the collection is given up.
    """

    then: Collecting
    newer_than: int
    since: UtcDatetime


class Finished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="finished"):
    """Every age is done.

    Kept so that a repeated `post.available` does not start the collection again.

    It is forgotten 30 days after `at`. `called_at` still counts against the account's share of calls.
    """

    tenant: str
    at: UtcDatetime
    called_at: UtcDatetime | None = None


Video: TypeAlias = Collecting | AwaitingCredential | Finished


def tenant_of(state: Video) -> str:
    """Return the tenant that the post belongs to."""
    return state.then.tenant if isinstance(state, AwaitingCredential) else state.tenant
