"""next_effect(): the one effect that a committed state requests, or how long it waits."""

from typing import overload

from common.clock import UtcDatetime
from common.contract.post import FINISHED_POST_RETENTION
from common.streams import StateKey, Wait
from uploader_service import effects, states


def next_effect(key: StateKey, state: states.Post, now: UtcDatetime) -> effects.Effect | Wait:
    """Derive what to do next from the committed state alone, so that it is the same after a crash."""
    del key
    match state:
        case states.AwaitingAccount(since=since, delay_published=published):
            # First until `post.delayed` is due, then until the wait is over.
            return Wait(since + (states.ACCOUNT_WAIT_LIMIT if published else states.DELAY_EVENT_AFTER))
        case states.Waiting(until=until, then=then):
            # A pause may be longer than the post is valid.
            return Wait(min(until, states.deadline_of(then)))
        case states.AwaitingCredential(then=then):
            return Wait(states.deadline_of(then))
        case states.HandedOver():
            return Wait(states.returnable_until(state))
        case states.Finished(at=at):
            return Wait(at + FINISHED_POST_RETENTION)
        case states.Working():
            # Past its deadline a state only waits for `Due`, which ends it: no effect may start any longer.
            deadline = states.deadline_of(state)
            return Wait(deadline) if now >= deadline else requested_effect(state)


@overload
def requested_effect(state: states.Initialising) -> effects.InitVideoUpload: ...
@overload
def requested_effect(state: states.WorkingState) -> effects.Effect: ...
def requested_effect(state: states.WorkingState) -> effects.Effect:
    """Return the one effect that the state requests. A result of any other effect is late."""
    progress = state.progress
    match state:
        case states.Probing():
            return effects.ProbeSource(attempt=progress.attempt, url=progress.request.source.url)
        case states.CheckingCreator():
            return effects.QueryCreator(attempt=progress.attempt, tenant=progress.request.tenant)
        case states.Initialising():
            return effects.InitVideoUpload(attempt=progress.attempt, request=progress.request, media=state.media)
        case states.Uploading():
            return effects.SendChunk(
                attempt=progress.attempt,
                url=progress.request.source.url,
                media=state.media,
                session=state.session,
                chunk=state.next_chunk,
                taken_over=state.taken_over,
            )
        case (
            states.QueryingBeforeLastChunk()
            | states.QueryingAfterLastChunk()
            | states.QueryingUnsendable()
            | states.ProvingDead()
        ):
            return effects.QueryStatus(attempt=progress.attempt, publish_id=state.session.publish_id)
