"""admit(): which of an account's posts may poll now, within our share of TikTok's status calls."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from common.clock import UtcDatetime
from common.streams import Admission, EffectRequest, EntityGroup
from publisher_service import states
from publisher_service.effects import Poll

POLLS_PER_MINUTE = 24
"""Of the 30 a minute that TikTok allows for one user's token on `status/fetch`. The uploader uses the other 6."""

ACCOUNT_POLL_INTERVAL = timedelta(minutes=1) / POLLS_PER_MINUTE
"""Least time between two polls of one account. It keeps every minute within the share."""

RATE_LIMIT_PAUSE = timedelta(minutes=1)
"""Pause of the whole account after a 429. TikTok counts by the minute and does not say when to come back."""


def admit(group: EntityGroup[states.Post], requests: Sequence[EffectRequest[Poll]], now: UtcDatetime) -> Admission:
    """Let one post of an account poll at a time.

    Posts without a verdict come first, because their tenants wait for it. Among equals the one that has waited longest
    is next.

    `retry_at` is when the account's pause ends. Without it the posts that wait would be looked at only when another
    of their account changes.
    """
    # One call at a time: its result decides how long the account pauses.
    if not requests or group.running:
        return Admission(start=())
    paused_until = _paused_until(group.states.values())
    if paused_until is not None and now < paused_until:
        return Admission(start=(), retry_at=paused_until)
    first = min(requests, key=lambda request: _order(group, request, now))
    return Admission(start=(first.key,))


def _paused_until(posts: Iterable[states.Post]) -> UtcDatetime | None:
    # The pause belongs to the account, but each post stores the one that its own poll caused. The latest counts. Posts
    # that are finished are looked at, too: a poll that ended its post used up the account's share like any other.
    pauses = (states.attempt_of(post).account_paused_until for post in posts)
    return max((pause for pause in pauses if pause is not None), default=None)


def _order(
    group: EntityGroup[states.Post], request: EffectRequest[Poll], now: UtcDatetime
) -> tuple[bool, UtcDatetime, str]:
    match group.states[request.key.entity_id]:
        # False sorts before True.
        case states.Following(next_at=at):
            return False, at, request.key.entity_id
        case states.Published(next_at=at):
            return True, at, request.key.entity_id
        # These request no poll. They are named so that mypy reports a new state.
        case states.AwaitingCredential() | states.Returned() | states.Closed():
            return True, now, request.key.entity_id
