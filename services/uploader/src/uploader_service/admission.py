"""admit(): which of an account's posts may call TikTok now. Quotas are folds over when its posts called."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.clock import UtcDatetime
from common.contract.post import DelayReason
from common.streams import Admission, EffectRequest, EntityGroup, StateKey
from tiktok.limits import CREATOR_INFO_PER_MINUTE, INIT_PER_MINUTE
from uploader_service.effects import AskCreator, AskStatus, Init, Probe, SendChunk, Wanted
from uploader_service.states import Asking, Calls, Finished, Initialising, Locating, Post, Waiting, job_of

WINDOW = timedelta(minutes=1)
STATUS_SHARE_PER_MINUTE = 6
"""Of TikTok's 30 a minute and user; the rest is the publisher's."""

_ACCOUNT_WIDE = frozenset({DelayReason.RATE_LIMIT, DelayReason.DAILY_LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quota:
    """How many calls a minute, which times count, and which state has such a call running."""

    per_minute: int
    times: Callable[[Calls], tuple[UtcDatetime, ...]]
    caller: type[Post]


_CREATORS = _Quota(per_minute=CREATOR_INFO_PER_MINUTE, times=lambda calls: calls.creators, caller=Asking)
_INITS = _Quota(per_minute=INIT_PER_MINUTE, times=lambda calls: calls.inits, caller=Initialising)
_STATUSES = _Quota(per_minute=STATUS_SHARE_PER_MINUTE, times=lambda calls: calls.statuses, caller=Locating)


def admit(lane: EntityGroup[Post], wishes: Sequence[EffectRequest[Wanted]], now: UtcDatetime) -> Admission:
    """Start what is free at once, and of each metered call as many as its quota leaves."""
    start = [wish.key for wish in wishes if isinstance(wish.effect, Probe | SendChunk)]
    again: list[UtcDatetime] = []
    for quota, kind in ((_CREATORS, AskCreator), (_INITS, Init), (_STATUSES, AskStatus)):
        wanting = [wish.key for wish in wishes if isinstance(wish.effect, kind)]
        if not wanting:
            continue
        if quota is not _STATUSES and (rest := _rest_until(lane)) is not None and rest > now:
            again.append(rest)
            continue
        granted, look_again = _grant(lane, quota, wanting, now)
        start.extend(granted)
        again.extend(look_again)
    return Admission(start=tuple(start), retry_at=min(again, default=None))


def _grant(
    lane: EntityGroup[Post], quota: _Quota, wanting: list[StateKey], now: UtcDatetime
) -> tuple[list[StateKey], list[UtcDatetime]]:
    recent = sorted(time for calls in _calls(lane) for time in quota.times(calls) if time > now - WINDOW)
    running = sum(isinstance(lane.states.get(item), quota.caller) for item in lane.running)
    room = max(quota.per_minute - len(recent) - running, 0)
    if len(wanting) <= room:
        return wanting, []
    # With only running calls in the way there is no time to name: their outcomes ask again.
    return wanting[:room], [recent[0] + WINDOW] if recent else []


def _calls(lane: EntityGroup[Post]) -> Iterator[Calls]:
    for state in lane.states.values():
        yield Calls(inits=state.inits) if isinstance(state, Finished) else job_of(state).calls


def _rest_until(lane: EntityGroup[Post]) -> UtcDatetime | None:
    """When TikTok may be asked again, after it told one of the account's posts that it is enough for now."""
    rests = (
        state.until for state in lane.states.values() if isinstance(state, Waiting) and state.reason in _ACCOUNT_WIDE
    )
    return max(rests, default=None)
