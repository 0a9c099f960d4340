"""decide(): what a fact changes about a post. A fact may come twice or late; then it changes nothing."""

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.post import FINISHED_POST_RETENTION
from common.streams import Decision, Due, StateKey
from publisher_service import facts, plans, states, transitions
from publisher_service.transitions import unchanged


def decide(key: StateKey, state: states.Post | None, fact: facts.Fact | Due, now: UtcDatetime) -> Decision[states.Post]:
    """Return the state after the fact, and the events to publish with it.

    Pure: it reads no clock and calls nothing. When a transaction is in doubt, the runtime reads the log again and
    decides again, so the same state, fact and time must give the same result.
    """
    match fact:
        case facts.HandedOver() | facts.HandedOverUnresolved():
            return on_handover(key, state, fact, now)
        case facts.CredentialSeen(version=version):
            return on_credential(state, version, now)
        case Due():
            return on_due(key, state, now)
        case facts.StillProcessing() | facts.Completed() | facts.AttemptFailed():
            return on_poll_result(key, state, fact, now)
        case facts.StatusRefused() | facts.RateLimited() | facts.RetryableFailure():
            return on_poll_result(key, state, fact, now)
        case facts.CredentialRejected() | facts.NoCredential():
            return on_poll_result(key, state, fact, now)


def on_handover(
    key: StateKey, state: states.Post | None, fact: facts.HandedOver | facts.HandedOverUnresolved, now: UtcDatetime
) -> Decision[states.Post]:
    """Start following an attempt that is new here. An attempt that is known already changes nothing.

    Attempts are counted by the uploader. A higher number is a new attempt after `post.returned`. A lower one is an
    event that was read late.
    """
    match state:
        case None:
            return Decision(state=_follow(key, fact, now))
        case states.Following(attempt=known) | states.Returned(attempt=known) if fact.attempt > known:
            return Decision(state=_follow(key, fact, now))
        case states.AwaitingCredential(then=states.Following(attempt=known)) if fact.attempt > known:
            return Decision(state=_follow(key, fact, now))
        case states.Polling() | states.AwaitingCredential() | states.Returned() | states.Closed():
            # A published or closed post has its verdict: no later attempt can change it.
            return unchanged(state)


def on_credential(state: states.Post | None, version: int, now: UtcDatetime) -> Decision[states.Post]:
    """Continue with a newer access token, if the post waits for one.

    The poll is due at once: the post has waited long enough, and `admit` keeps many posts from polling together.
    """
    match state:
        # The token of the old version is the one that was refused or missing: it would end the same way.
        case states.AwaitingCredential(newer_than=old, then=then) if version > old:
            return Decision(state=replace(then, next_at=now))
        case None | states.AwaitingCredential() | states.Polling() | states.Returned() | states.Closed():
            return unchanged(state)


def on_due(key: StateKey, state: states.Post | None, now: UtcDatetime) -> Decision[states.Post]:
    """Apply the deadline of a state that does not poll, if it has passed.

    States that poll apply theirs with each result, so that one last poll may still bring a verdict.
    """
    match state:
        case states.AwaitingCredential(then=then):
            # Waiting for a token does not stop the clock: the post becomes unresolved or closed all the same.
            later = transitions.within_deadline(key, then, now)
            if later.state is then:
                return unchanged(state)
            if isinstance(later.state, states.Following | states.Published):
                return Decision(state=replace(state, then=later.state), events=later.events)
            return later
        case states.Returned(at=at) | states.Closed(at=at) if now >= at + FINISHED_POST_RETENTION:
            return Decision(state=None)
        case None | states.Polling() | states.Returned() | states.Closed():
            return unchanged(state)


def on_poll_result(
    key: StateKey, state: states.Post | None, result: facts.PollResult, now: UtcDatetime
) -> Decision[states.Post]:
    """Apply the result of a poll, if it is about the attempt that is followed now.

    The call may have taken longer than the attempt: TikTok gave it up, the uploader made the next one, and that was
    handed over. The late result must not decide about the new attempt.
    """
    match state:
        case states.Following(attempt=n) if n == result.attempt:
            return _on_result_while_following(key, state, result, now)
        case states.Published(attempt=n) if n == result.attempt:
            return _on_result_once_published(key, state, result, now)
        case None | states.Polling() | states.AwaitingCredential() | states.Returned() | states.Closed():
            return unchanged(state)


def _on_result_while_following(
    key: StateKey, state: states.Following, result: facts.PollResult, now: UtcDatetime
) -> Decision[states.Post]:
    match result:
        case facts.Completed(video_ids=ids):
            return transitions.publish(key, state, ids, now)
        case facts.AttemptFailed(fail_reason=reason):
            return transitions.end_attempt(key, state, reason, now)
        case facts.StatusRefused():
            refused = replace(state, refusals=state.refusals + 1)
            return transitions.poll_again(key, refused, result, now)
        case facts.StillProcessing():
            # TikTok knows the publish id after all: only refusals in a row make a post unresolved.
            return transitions.poll_again(key, replace(state, refusals=0), result, now)
        # These say nothing about the post, so the refusals in a row are neither counted nor reset.
        case facts.RateLimited() | facts.RetryableFailure():
            return transitions.poll_again(key, state, result, now)
        case facts.CredentialRejected() | facts.NoCredential():
            return transitions.await_credential(key, state, result, now)


def _on_result_once_published(
    key: StateKey, state: states.Published, result: facts.PollResult, now: UtcDatetime
) -> Decision[states.Post]:
    match result:
        case facts.Completed(video_ids=ids) if set(ids) - set(state.video_ids):
            return transitions.add_video_ids(key, state, ids, now)
        case facts.Completed() | facts.StillProcessing() | facts.AttemptFailed():
            # The verdict is published already. Only new ids would change anything.
            return transitions.poll_again(key, state, result, now)
        case facts.StatusRefused() | facts.RateLimited() | facts.RetryableFailure():
            return transitions.poll_again(key, state, result, now)
        case facts.CredentialRejected() | facts.NoCredential():
            return transitions.await_credential(key, state, result, now)


def _follow(key: StateKey, fact: facts.HandedOver | facts.HandedOverUnresolved, now: UtcDatetime) -> states.Following:
    state = states.Following(
        tenant=fact.tenant,
        attempt=fact.attempt,
        publish_id=fact.publish_id,
        revision=fact.revision,
        privacy_level=fact.privacy_level,
        handed_over_at=fact.at,
        next_at=now,
        # The uploader has published `post.unresolved` already: a second one would count a revision for nothing.
        unresolved=isinstance(fact, facts.HandedOverUnresolved),
    )
    # The delay is computed from the state, so `next_at` above only holds its place.
    return replace(state, next_at=plans.next_poll_at(key, state, now))
