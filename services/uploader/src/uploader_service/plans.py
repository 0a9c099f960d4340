"""todo(): the one thing a committed state wants."""

from common.clock import UtcDatetime
from common.streams import StateKey, Wait
from uploader_service.effects import Wanted, wanted_by
from uploader_service.states import (
    PARKED_FOR,
    REMEMBER,
    TELL_AFTER,
    Asking,
    AwaitingCredential,
    Finished,
    HandedOver,
    Initialising,
    Locating,
    Parked,
    Post,
    Probing,
    Uploading,
    Waiting,
    limit_of,
    returnable_until,
)


def next_effect(key: StateKey, state: Post, now: UtcDatetime) -> Wanted | Wait:
    """Derive what to do next from durable state alone: after a crash it is the same."""
    del key
    match state:
        case Parked(since=since, delay_told=told):
            return Wait(since + (PARKED_FOR if told else TELL_AFTER))
        case Waiting(until=until, then=then):
            return Wait(min(until, limit_of(then)))
        case AwaitingCredential(then=then):
            return Wait(limit_of(then))
        case HandedOver():
            return Wait(returnable_until(state))
        case Finished(at=at):
            return Wait(at + REMEMBER)
        case Probing() | Asking() | Initialising() | Uploading() | Locating():
            limit = limit_of(state)
            return Wait(limit) if now >= limit else wanted_by(state)
