"""What a state of collecting wants done next. Pure."""

from datetime import timedelta

from analytics_service import states
from analytics_service.effects import Collect
from common.clock import UtcDatetime
from common.streams import StateKey, Wait
from tiktok.limits import VIDEO_IDS_PER_QUERY

PARKED_FOR = timedelta(days=60)
"""How long a post waits for its account's person to connect again before its numbers are given up."""
REMEMBERED_FOR = timedelta(days=30)
"""How long a finished post is known: as long as `post.events` can bring it up again."""


def next_effect(key: StateKey, state: states.Video, now: UtcDatetime) -> Collect | Wait | None:
    """Collect when the age has come and no retry is pending; else wait for that moment."""
    del key
    match state:
        case states.Collecting():
            due = due_at(state)
            if due > now:
                return Wait(until=due)
            ids = state.video_ids[:VIDEO_IDS_PER_QUERY]
            return Collect(tenant=state.tenant, video_ids=ids, age=state.next_age, due=due)
        case states.Parked(since=since):
            return Wait(until=since + PARKED_FOR)
        case states.Finished(at=at):
            return Wait(until=at + REMEMBERED_FOR)


def due_at(state: states.Collecting) -> UtcDatetime:
    """When numbers are wanted next."""
    due = state.available_at + timedelta(seconds=state.next_age)
    return due if state.retry_at is None else max(due, state.retry_at)
