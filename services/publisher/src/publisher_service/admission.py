"""Which of an account's posts may ask TikTok now: our share of the account's status questions."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from common.clock import UtcDatetime
from common.streams import Admission, EffectRequest, EntityGroup
from publisher_service import states
from publisher_service.effects import Poll

POLLS_PER_MINUTE = 24
"""Of the 30 a minute that TikTok allows a user's token on status/fetch; the uploader has the other 6."""

ACCOUNT_RESTS = timedelta(minutes=1) / POLLS_PER_MINUTE
"""Polls of one account are at least this far apart, which keeps every minute within the share."""

ACCOUNT_RESTS_WHEN_LIMITED = timedelta(minutes=1)
"""After a 429: TikTok counts by the minute and says nothing about when to come back."""


def admit(lane: EntityGroup[states.Post], wishes: Sequence[EffectRequest[Poll]], now: UtcDatetime) -> Admission:
    """Let one post of an account ask at a time; those without a verdict first, then whoever has waited longest."""
    if not wishes or lane.running:
        return Admission(start=())
    free_at = _free_at(lane.states.values())
    if free_at is not None and now < free_at:
        return Admission(start=(), retry_at=free_at)
    first = min(wishes, key=lambda wish: _urgency(lane, wish, now))
    return Admission(start=(first.key,))


def _free_at(posts: Iterable[states.Post]) -> UtcDatetime | None:
    rests = (states.attempt_of(state).account_rests_until for state in posts)
    return max((rest for rest in rests if rest is not None), default=None)


def _urgency(
    lane: EntityGroup[states.Post], wish: EffectRequest[Poll], now: UtcDatetime
) -> tuple[bool, UtcDatetime, str]:
    match lane.states[wish.key.entity_id]:
        case states.Following(next_at=at):
            return False, at, wish.key.entity_id
        case states.Published(next_at=at):
            return True, at, wish.key.entity_id
        case states.AwaitingCredential() | states.Returned() | states.Closed():
            return True, now, wish.key.entity_id
