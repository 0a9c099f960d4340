"""next_effect(): collect when an age has come, else wait."""

from datetime import timedelta

from analytics_service import states
from analytics_service.effects import Collect
from common.clock import UtcDatetime
from common.contract.post import FINISHED_POST_RETENTION
from common.streams import StateKey, Wait
from tiktok.limits import VIDEO_IDS_PER_QUERY

CREDENTIAL_WAIT_LIMIT = timedelta(days=60)
"""How long a post waits for its account to be connected again. After that its statistics are given up."""


def next_effect(key: StateKey, state: states.Video, now: UtcDatetime) -> Collect | Wait | None:
    """Return the call for the next age if it is due and no retry is pending, else the time to wait for.

    Only the first ids are asked for, because TikTok takes 20 in one call.
    """
    del key
    match state:
        case states.Collecting():
            due = due_at(state)
            if due > now:
                return Wait(until=due)
            ids = state.video_ids[:VIDEO_IDS_PER_QUERY]
            return Collect(tenant=state.tenant, video_ids=ids, age=state.next_age, due=due)
        case states.AwaitingCredential(since=since):
            return Wait(until=since + CREDENTIAL_WAIT_LIMIT)
        # Wakes up only to forget the post: kept for ever, such states would fill the state topic.
        case states.Finished(at=at):
            return Wait(until=at + FINISHED_POST_RETENTION)


def due_at(state: states.Collecting) -> UtcDatetime:
    """Return the time of the next call: when the post reaches the age, or later after a failure."""
    due = state.available_at + timedelta(seconds=state.next_age)
    return due if state.retry_at is None else max(due, state.retry_at)
