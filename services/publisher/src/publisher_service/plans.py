"""When to do what: the one thing each post wants next, and how long things wait."""

import hashlib
from datetime import timedelta

from common.clock import UtcDatetime
from common.streams import StateKey, Wait
from publisher_service import states
from publisher_service.effects import Poll

FIRST_LOOK = timedelta(seconds=2)
SLOWEST_WHILE_HOPEFUL = timedelta(minutes=1)
SLOWEST_IN_DOUBT = timedelta(hours=1)
GROWTH_WHILE_PROCESSING = 1.5

SLOWEST_FOR_IDS = timedelta(hours=2)
FIRST_LOOK_FOR_MORE_IDS = timedelta(hours=1)
GROWTH_FOR_IDS = 2.0

VERDICT_EXPECTED_WITHIN = timedelta(hours=24)
"""Moderation usually takes a minute and sometimes hours; TikTok guarantees nothing. Then the post is unresolved."""

REFUSALS_BEFORE_DOUBT = 5
"""So many refused questions in a row are no hiccup: the post is unresolved before its day is over."""

GIVE_UP_AFTER = timedelta(days=30)
"""The end of asking about an unresolved post: nothing about it is remembered longer elsewhere either."""

IDS_EXPECTED_WITHIN = timedelta(hours=48)
"""Public ids come when moderation is through, in rare cases many hours after the post went out."""

REMEMBER_FOR = timedelta(days=30)

JITTER = 0.25
"""Waits are longer by up to this share, always the same for the same post, so that posts drift apart."""


def next_effect(key: StateKey, state: states.Post, now: UtcDatetime) -> Poll | Wait | None:
    """Say what the post wants next."""
    del key
    match state:
        case states.Following(next_at=at) | states.Published(next_at=at) if now < at:
            return Wait(at)
        case states.Following() | states.Published():
            return Poll(publish_id=state.publish_id, attempt=state.attempt)
        case states.AwaitingCredential():
            return Wait(deadline(state.then))
        case states.Returned(at=at) | states.Closed(at=at):
            return Wait(at + REMEMBER_FOR)


def deadline(state: states.Following | states.Published) -> UtcDatetime:
    """Say until when the post may stay as it is, whatever is heard of it."""
    match state:
        case states.Following(doubtful=False, handed_over_at=at):
            return at + VERDICT_EXPECTED_WITHIN
        case states.Following(handed_over_at=at):
            return at + GIVE_UP_AFTER
        case states.Published(published_at=at):
            return at + IDS_EXPECTED_WITHIN


def next_look(key: StateKey, state: states.Following | states.Published, now: UtcDatetime) -> UtcDatetime:
    """Plan the next poll: after 2 s at first, then ever later; each kind of waiting has its own slowest pace."""
    return now + _pace(state, now) * (1 + JITTER * _fraction(f"{key.partition_key}|{key.entity_id}|{state.polls}"))


def _pace(state: states.Following | states.Published, now: UtcDatetime) -> timedelta:
    match state:
        case states.Following(handed_over_at=at, refusals=refusals):
            hopeful = now < at + VERDICT_EXPECTED_WITHIN and refusals < REFUSALS_BEFORE_DOUBT
            slowest = SLOWEST_WHILE_HOPEFUL if hopeful else SLOWEST_IN_DOUBT
            return _grown(FIRST_LOOK, GROWTH_WHILE_PROCESSING, state.polls, slowest)
        case states.Published(video_ids=()):
            return _grown(FIRST_LOOK, GROWTH_FOR_IDS, state.polls, SLOWEST_FOR_IDS)
        case states.Published():
            return _grown(FIRST_LOOK_FOR_MORE_IDS, GROWTH_FOR_IDS, state.polls, IDS_EXPECTED_WITHIN)


def _grown(first: timedelta, growth: float, times: int, slowest: timedelta) -> timedelta:
    """Let a wait grow geometrically up to a limit that leaves room for the jitter."""
    # Every limit here is reached within 32 steps; a few more and the power would overflow a timedelta.
    return min(first * growth ** min(times, 32), slowest / (1 + JITTER))


def _fraction(text: str) -> float:
    """Spread texts evenly over 0 to 1, always the same way."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32
