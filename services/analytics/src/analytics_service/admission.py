"""How much of TikTok's query quota an account's posts may use. Pure."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from analytics_service import states
from analytics_service.effects import Collect
from common.clock import UtcDatetime
from common.streams import Admission, EffectRequest, EntityGroup

AT_ONCE = 3
"""Calls of one account under way together: enough for throughput, too few to starve other accounts."""
CALLS_PER_WINDOW = 100
"""A share of TikTok's 600 a minute per endpoint; whether those count per app or per user is not documented."""
WINDOW = timedelta(minutes=1)


def admit(lane: EntityGroup[states.Video], wishes: Sequence[EffectRequest[Collect]], now: UtcDatetime) -> Admission:
    """Admit the longest overdue first, within the account's share of calls."""
    recent = sorted(moment for moment in _calls(lane.states.values()) if moment > now - WINDOW)
    free = min(AT_ONCE, CALLS_PER_WINDOW - len(recent)) - len(lane.running)
    waiting = sorted(
        (wish for wish in wishes if wish.key.entity_id not in lane.running), key=lambda wish: wish.effect.due
    )
    start = tuple(wish.key for wish in waiting[: max(free, 0)])
    spent = len(recent) + len(lane.running) + len(start) >= CALLS_PER_WINDOW
    look_again = recent[0] + WINDOW if recent and spent and len(start) < len(waiting) else None
    return Admission(start=start, retry_at=look_again)


def _calls(posts: Iterable[states.Video]) -> Iterable[UtcDatetime]:
    # A failed try is followed by another soon, so each counts as if it had been made just now.
    for state in posts:
        if isinstance(state, states.Collecting) and state.called_at is not None:
            yield from [state.called_at] * (1 + state.tries)
        elif isinstance(state, states.Parked) and state.collecting.called_at is not None:
            yield state.collecting.called_at
        elif isinstance(state, states.Finished) and state.called_at is not None:
            yield state.called_at
