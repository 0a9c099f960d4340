"""decide(): what a fact changes about a post. A fact may come twice or late; then it changes nothing."""

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.post import FINISHED_POST_RETENTION, DelayReason, FailureReason, PostDelayed, PostFailed
from common.streams import Decision, Due, StateKey
from uploader_service import facts, states, transitions
from uploader_service.decisions_effect_results import on_effect_result
from uploader_service.decisions_requests import event_header, on_requested, on_undecodable_request
from uploader_service.states import Ending, Post
from uploader_service.transitions import become, unchanged


def decide(key: StateKey, state: Post | None, fact: facts.Fact | Due, now: UtcDatetime) -> Decision[Post]:
    """Return the next state and the events.

    Pure: it reads no clock and calls nothing. When a transaction is in doubt, the runtime reads the log again and
    decides again, so the same state, fact and time must give the same result.
    """
    match fact:
        case facts.Requested() | facts.UndecodableRequest() | facts.Returned():
            return on_event(key, state, fact, now)
        case facts.AccountKnown(tenant=tenant):
            return on_account_known(state, tenant, now)
        case facts.CredentialKnown(version=version):
            return on_credential_known(state, version, now)
        case Due():
            return on_due(state, now)
        case (
            facts.SourceFound()
            | facts.SourceUnusable()
            | facts.CreatorInfoReceived()
            | facts.InitDone()
            | facts.StatusReceived()
            | facts.ChunkEnded()
            | facts.CallRefused()
            | facts.NoCredential()
            | facts.RequestNotSent()
            | facts.ResultUnknown()
        ):
            return on_effect_result(state, fact, now)


def on_event(key: StateKey, state: Post | None, fact: facts.EventFact, now: UtcDatetime) -> Decision[Post]:
    """Handle an event from outside the uploader."""
    match fact:
        case facts.Requested():
            return on_requested(key, state, fact, now)
        case facts.UndecodableRequest():
            return on_undecodable_request(key, state, fact, now)
        case facts.Returned():
            return on_returned(key, state, fact, now)


def on_returned(key: StateKey, state: Post | None, fact: facts.Returned, now: UtcDatetime) -> Decision[Post]:
    """Own the post again, and count on from the publisher's last revision.

    An attempt number or a revision that does not fit marks a duplicate, since the publisher may write the event twice.
    """
    match state:
        case states.HandedOver(progress=progress) if (
            progress.attempt == fact.attempt and fact.revision > progress.revision
        ):
            why = f"TikTok gave the attempt up: {fact.code}"
            return transitions.next_attempt(replace(progress, revision=fact.revision), why, now)
        case states.Finished(ending=Ending.HANDED_OVER) if fact.revision > state.revision:
            # The request itself is no longer kept, so there is nothing to begin another attempt from.
            revision = fact.revision + 1
            failed = PostFailed(
                **event_header(key, state.tenant, revision, now),
                reason=FailureReason.TOO_LATE,
                message="TikTok gave the post up after its `not_after` had passed, so it is not tried again.",
            )
            return become(replace(state, revision=revision, ending=Ending.FAILED, at=now), failed)
        case None | states.Finished() | states.HandedOver() | states.AwaitingAccount():
            return unchanged(state)
        case states.Paused() | states.Working():
            return unchanged(state)


def on_account_known(state: Post | None, tenant: str, now: UtcDatetime) -> Decision[Post]:
    """Begin the post: the account that it waited for is in the view."""
    # The fact may be late: the post may have begun or ended since the view changed.
    if not isinstance(state, states.AwaitingAccount):
        return unchanged(state)
    progress = state.progress
    # Before the wait for `publish_at`: a mistake is reported now and not when the post is due.
    if tenant != progress.request.tenant:
        # The message does not name the owner: one tenant must not learn of another.
        message = f"tenant: The account does not belong to {progress.request.tenant}. Connect it for this tenant first."
        return transitions.fail(progress, FailureReason.WRONG_TENANT, message, now)
    then = states.Probing(progress=progress)
    publish_at = progress.request.publish_at
    if publish_at is None or publish_at <= now:
        return become(then)
    return transitions.wait(then, publish_at, DelayReason.SCHEDULED, "The post waits for its publish_at.", now)


def on_credential_known(state: Post | None, version: int, now: UtcDatetime) -> Decision[Post]:
    """Continue with a newer access token.

    If TikTok refused several tokens in a row, pause first: each refusal makes auth refresh the token, and without a
    pause the two services would chase each other.
    """
    if not isinstance(state, states.AwaitingCredential) or version <= state.newer_than:
        return unchanged(state)
    then = state.then
    failures = then.progress.consecutive_failures
    if failures <= 1:
        return become(then)
    pause = transitions.retry_pause(failures, then.progress.request.post_id)
    message = f"TikTok refused {failures} access tokens in a row; trying the next one after a pause."
    return transitions.wait(then, now + pause, DelayReason.CREDENTIAL, message, now)


def on_due(state: Post | None, now: UtcDatetime) -> Decision[Post]:
    """Handle a time that the state waited for. It may come early, as the timer belongs to an earlier state."""
    match state:
        case states.AwaitingAccount():
            return _account_still_unknown(state, now)
        # Before the wait itself: a pause never outlives the state that continues after it.
        case states.Paused(then=then) if now >= states.deadline_of(then):
            return transitions.expire(then, now)
        case states.Waiting(until=until, then=then) if now >= until:
            return become(then)
        case states.Working() if now >= states.deadline_of(state):
            return transitions.expire(state, now)
        case states.HandedOver() | states.Finished():
            return _on_retention_due(state, now)
        case None | states.Paused() | states.Working():
            return unchanged(state)


def _on_retention_due(state: states.HandedOver | states.Finished, now: UtcDatetime) -> Decision[Post]:
    match state:
        case states.HandedOver() if now >= states.returnable_until(state):
            return become(transitions.finished(state.progress, Ending.HANDED_OVER, now))
        case states.Finished(at=at) if now >= at + FINISHED_POST_RETENTION:
            # Forgets the post. A replayed request is refused by its age from here on (`MAX_REQUEST_AGE`).
            return Decision(state=None)
        case states.HandedOver() | states.Finished():
            return unchanged(state)


def _account_still_unknown(state: states.AwaitingAccount, now: UtcDatetime) -> Decision[Post]:
    progress = state.progress
    account_id = progress.request.account_id
    until = state.since + states.ACCOUNT_WAIT_LIMIT
    if now >= until:
        message = f"account_id: No account {account_id} is connected. Connect it, then use another post_id."
        return transitions.fail(progress, FailureReason.UNKNOWN_ACCOUNT, message, now)
    if state.delay_published or now < state.since + states.DELAY_EVENT_AFTER:
        return unchanged(state)
    delayed = PostDelayed(
        **progress.header(now),
        reason=DelayReason.ACCOUNT_UNKNOWN_YET,
        until=until,
        message=f"account_id: No account {account_id} is connected yet. Connect it before `until`.",
    )
    return become(replace(state, progress=progress.with_next_revision(), delay_published=True), delayed)
