"""admit(): which effects of an account may start now, within TikTok's quotas for calls.

A quota is no counter of its own: it is counted over the calls that the account's states record. So it survives a crash,
and a new owner of the partition counts the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from common.clock import UtcDatetime
from common.contract.post import DelayReason
from common.streams import Admission, EffectRequest, EntityGroup, StateKey
from tiktok.limits import CREATOR_INFO_PER_MINUTE, INIT_PER_MINUTE
from uploader_service import effects, states
from uploader_service.states import CallTimes, Post

WINDOW = timedelta(minutes=1)
STATUS_SHARE_PER_MINUTE = 6
"""Of TikTok's 30 a minute and user; the rest is the publisher's."""

_ACCOUNT_WIDE = frozenset({DelayReason.RATE_LIMIT, DelayReason.DAILY_LIMIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quota:
    """How many calls a minute; which recorded times count; which state is running such a call."""

    per_minute: int
    times: Callable[[CallTimes], tuple[UtcDatetime, ...]]
    caller: type[states.Working]


_CREATORS = _Quota(
    per_minute=CREATOR_INFO_PER_MINUTE, times=lambda calls: calls.creators, caller=states.CheckingCreator
)
_INITS = _Quota(per_minute=INIT_PER_MINUTE, times=lambda calls: calls.inits, caller=states.Initialising)
_STATUSES = _Quota(per_minute=STATUS_SHARE_PER_MINUTE, times=lambda calls: calls.statuses, caller=states.Querying)


def admit(account: EntityGroup[Post], requests: Sequence[EffectRequest[effects.Effect]], now: UtcDatetime) -> Admission:
    """Start every effect that has no quota, and of each call as many as its quota leaves."""
    start = [each.key for each in requests if isinstance(each.effect, effects.ProbeSource | effects.SendChunk)]
    retry_at: list[UtcDatetime] = []
    metered = (
        (_CREATORS, effects.QueryCreator),
        (_INITS, effects.InitVideoUpload),
        (_STATUSES, effects.QueryStatus),
    )
    for quota, kind in metered:
        requested = [each.key for each in requests if isinstance(each.effect, kind)]
        if not requested:
            continue
        # A status query answers for a post that may be out, so a limit on new posts does not hold it back.
        if quota is not _STATUSES and (paused := _paused_until(account)) is not None and paused > now:
            retry_at.append(paused)
            continue
        admitted, free_at = _within_quota(account, quota, requested, now)
        start.extend(admitted)
        retry_at.extend(free_at)
    return Admission(start=tuple(start), retry_at=min(retry_at, default=None))


def _within_quota(
    account: EntityGroup[Post], quota: _Quota, requested: list[StateKey], now: UtcDatetime
) -> tuple[list[StateKey], list[UtcDatetime]]:
    recent = sorted(time for calls in _call_times(account) for time in quota.times(calls) if time > now - WINDOW)
    # A running call is recorded with its result, so until then it is counted by its state.
    running = sum(isinstance(account.states.get(entity), quota.caller) for entity in account.running)
    left = max(quota.per_minute - len(recent) - running, 0)
    if len(requested) <= left:
        return requested, []
    # If only running calls are in the way, no time can be named. Their results lead to the next call of `admit`.
    return requested[:left], [recent[0] + WINDOW] if recent else []


def _call_times(account: EntityGroup[Post]) -> Iterator[CallTimes]:
    for state in account.states.values():
        if isinstance(state, states.Finished):
            # The quota is the account's: a post that ends does not give its inits back.
            yield CallTimes(inits=state.inits)
        else:
            yield states.progress_of(state).calls


def _paused_until(account: EntityGroup[Post]) -> UtcDatetime | None:
    """Return until when TikTok limits the account: a limit that one post met holds for all of them."""
    pauses = (
        state.until
        for state in account.states.values()
        if isinstance(state, states.Waiting) and state.reason in _ACCOUNT_WIDE
    )
    return max(pauses, default=None)
