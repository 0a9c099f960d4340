"""admit(): how many of TikTok's video queries an account's posts may make now."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from analytics_service import states
from analytics_service.effects import Collect
from common.clock import UtcDatetime
from common.streams import Admission, EffectRequest, EntityGroup

AT_ONCE = 3
"""Most calls of one account at the same time: enough for throughput, too few to delay other accounts."""
CALLS_PER_WINDOW = 100
"""A share of TikTok's 600 calls a minute. TikTok does not document whether those count per app or per user."""
WINDOW = timedelta(minutes=1)


def admit(group: EntityGroup[states.Video], requests: Sequence[EffectRequest[Collect]], now: UtcDatetime) -> Admission:
    """Start the calls that are overdue longest, within the account's share."""
    recent = sorted(moment for moment in _calls(group.states.values()) if moment > now - WINDOW)
    # A call that runs is not among `recent`: its time is recorded with its result.
    free = min(AT_ONCE, CALLS_PER_WINDOW - len(recent)) - len(group.running)
    # The longest overdue first: in another order a busy account could keep a post waiting for ever.
    waiting = sorted(
        (request for request in requests if request.key.entity_id not in group.running),
        key=lambda request: request.effect.due,
    )
    start = tuple(request.key for request in waiting[: max(free, 0)])
    # Calls that only wait for a running one need no time: its result asks for admission again.
    spent = len(recent) + len(group.running) + len(start) >= CALLS_PER_WINDOW
    retry_at = recent[0] + WINDOW if recent and spent and len(start) < len(waiting) else None
    return Admission(start=start, retry_at=retry_at)


def _calls(posts: Iterable[states.Video]) -> Iterable[UtcDatetime]:
    for state in posts:
        match state:
            case states.Collecting(called_at=called_at, tries=tries) if called_at is not None:
                # Failed tries follow each other closely, and only the last one's time is kept. Counting each of them
                # at that time may count too many, never too few.
                yield from [called_at] * (1 + tries)
            case states.AwaitingCredential(then=states.Collecting(called_at=called_at)) if called_at is not None:
                yield called_at
            case states.Finished(called_at=called_at) if called_at is not None:
                yield called_at
            case states.Collecting() | states.AwaitingCredential() | states.Finished():
                pass
