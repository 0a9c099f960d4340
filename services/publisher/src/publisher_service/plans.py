"""next_effect(): the one thing each post wants next, and how long it waits for it."""

from datetime import timedelta

from common import backoff
from common.clock import UtcDatetime
from common.contract.post import FINISHED_POST_RETENTION
from common.streams import StateKey, Wait
from publisher_service import states
from publisher_service.effects import Poll

FIRST_DELAY = timedelta(seconds=2)
MAX_DELAY_PROCESSING = timedelta(minutes=1)
"""Longest delay on the first day, while the tenant still waits for a verdict."""

MAX_DELAY_UNRESOLVED = timedelta(hours=1)
"""Longest delay after the first day, or while TikTok refuses to answer: a verdict is then unlikely to come soon."""

GROWTH_PROCESSING = 1.5

MAX_DELAY_FOR_IDS = timedelta(hours=2)
"""Longest delay for a published post without a public id: moderation may take hours."""

FIRST_DELAY_FOR_MORE_IDS = timedelta(hours=1)
"""First delay once the post has an id, which is enough to find the video and to collect its statistics."""

GROWTH_FOR_IDS = 2.0

VERDICT_EXPECTED_WITHIN = timedelta(hours=24)
"""After this a post without a verdict is unresolved.

Moderation usually takes a minute and sometimes hours. TikTok guarantees no time.
"""

REFUSALS_BEFORE_UNRESOLVED = 5
"""After so many refused polls in a row the post is unresolved, without waiting for the whole day."""

UNRESOLVED_POLLED_FOR = timedelta(days=30)
"""How long an unresolved post is polled. The topics and the other services forget it after the same time."""

IDS_EXPECTED_WITHIN = timedelta(hours=48)
"""Public ids appear when moderation is done, in rare cases many hours after the post went out."""

JITTER = 0.25
"""Delays are longer by up to this share, always by the same one for the same post.

Without it, posts that were handed over together would be polled together for hours.
"""


def next_effect(key: StateKey, state: states.Post, now: UtcDatetime) -> Poll | Wait | None:
    """Return a poll if it is time for one, else the time to wait for.

    It is derived from the committed state alone, so it is the same after a crash or a takeover.
    """
    del key
    match state:
        case states.Polling(next_at=at) if now < at:
            return Wait(at)
        case states.Polling():
            return Poll(publish_id=state.publish_id, attempt=state.attempt)
        case states.AwaitingCredential():
            # Without a token there is no poll, but the deadline goes on: `Due` applies it.
            return Wait(deadline(state.then))
        case states.Returned(at=at) | states.Closed(at=at):
            # Wakes up only to forget the post: kept for ever, such states would fill memory and the state topic.
            return Wait(at + FINISHED_POST_RETENTION)


def deadline(state: states.Following | states.Published) -> UtcDatetime:
    """Return the time at which the post leaves its state, unless TikTok answers before."""
    match state:
        case states.Following(unresolved=False, handed_over_at=at):
            return at + VERDICT_EXPECTED_WITHIN
        case states.Following(handed_over_at=at):
            return at + UNRESOLVED_POLLED_FOR
        case states.Published(published_at=at):
            return at + IDS_EXPECTED_WITHIN


def next_poll_at(key: StateKey, state: states.Following | states.Published, now: UtcDatetime) -> UtcDatetime:
    """Return the time of the next poll: 2 s from now at first, then after longer and longer delays."""
    # From the post and the number of its polls, not from chance: a restarted process computes the same time.
    jitter = JITTER * backoff.stable_jitter(f"{key.partition_key}|{key.entity_id}|{state.polls}")
    return now + _delay(state, now) * (1 + jitter)


def _delay(state: states.Following | states.Published, now: UtcDatetime) -> timedelta:
    match state:
        case states.Following(handed_over_at=at, refusals=refusals):
            in_time = now < at + VERDICT_EXPECTED_WITHIN and refusals < REFUSALS_BEFORE_UNRESOLVED
            longest = MAX_DELAY_PROCESSING if in_time else MAX_DELAY_UNRESOLVED
            return _grown(FIRST_DELAY, GROWTH_PROCESSING, state.polls, longest)
        case states.Published(video_ids=()):
            return _grown(FIRST_DELAY, GROWTH_FOR_IDS, state.polls, MAX_DELAY_FOR_IDS)
        case states.Published():
            # The post has an id already, so looking for another one is not urgent.
            return _grown(FIRST_DELAY_FOR_MORE_IDS, GROWTH_FOR_IDS, state.polls, IDS_EXPECTED_WITHIN)


def _grown(first: timedelta, growth: float, polls: int, longest: timedelta) -> timedelta:
    # The jitter is added later, so the limit leaves room for it: a delay never exceeds `longest`.
    return backoff.exponential(first, longest / (1 + JITTER), polls, growth=growth)
