"""How a post gets from one state to the next, and the events that go with it."""

from typing import TypeVar

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.account import TokenRejected
from common.contract.body import Body
from common.contract.post import (
    FailureReason,
    PostAvailable,
    PostFailed,
    PostPublished,
    PostReturned,
    PostUnresolved,
    PrivacyLevel,
)
from common.contract.state_keys import post_id_of
from common.streams import Decision, StateKey
from publisher_service import admission, facts, fail_reasons, plans, service, states

P = TypeVar("P", states.Following, states.Published)


def unchanged(state: states.Post | None) -> Decision[states.Post]:
    """Return the state as it is. For facts that come twice, late, or mean nothing in this state."""
    return Decision(state=state)


def publish(
    key: StateKey, state: states.Following, video_ids: tuple[str, ...], now: UtcDatetime
) -> Decision[states.Post]:
    """Give the post its verdict `published`.

    Ids that TikTok named with it follow as a second event.

    A public post is polled on for its ids. Any other is closed at once.
    """
    event = PostPublished(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=state.tenant,
        revision=state.revision + 1,
        at=now,
        publish_id=state.publish_id,
    )
    published = states.Published(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=event.revision,
        # The poll that brought the verdict used up the account's share like any other.
        account_paused_until=now + admission.ACCOUNT_POLL_INTERVAL,
        published_at=now,
        next_at=now,
    )
    events: tuple[Body, ...] = (event,)
    after = replace(published, next_at=plans.next_poll_at(key, published, now))
    if video_ids:
        after, available = _with_ids(key, published, video_ids, now)
        # In the order of their revisions, which count a post's events without a gap.
        events = (event, available)
    # TikTok names ids of public posts only, so polling any other post for them would never end.
    public = state.privacy_level is PrivacyLevel.PUBLIC_TO_EVERYONE
    return Decision(state=after if public else _close(after, states.Verdict.PUBLISHED, now), events=events)


def add_video_ids(
    key: StateKey, state: states.Published, video_ids: tuple[str, ...], now: UtcDatetime
) -> Decision[states.Post]:
    """Publish `post.available` with the new ids and all earlier ones.

    Readers need only the newest event: it replaces the earlier ones.
    """
    polled = replace(state, account_paused_until=now + admission.ACCOUNT_POLL_INTERVAL)
    after, available = _with_ids(key, polled, video_ids, now)
    return Decision(state=after, events=(available,))


def _with_ids(
    key: StateKey, state: states.Published, video_ids: tuple[str, ...], now: UtcDatetime
) -> tuple[states.Published, PostAvailable]:
    # An event replaces the one before it for its readers, so it has to hold every id, in the order of their arrival.
    every = tuple(dict.fromkeys((*state.video_ids, *video_ids)))
    # The delays for a further id start again with each id.
    known = replace(state, video_ids=every, revision=state.revision + 1, polls=0)
    available = PostAvailable(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=known.tenant,
        revision=known.revision,
        at=now,
        publish_id=known.publish_id,
        video_ids=every,
    )
    return replace(known, next_at=plans.next_poll_at(key, known, now)), available


def end_attempt(key: StateKey, state: states.Following, fail_reason: str, now: UtcDatetime) -> Decision[states.Post]:
    """Return the post to the uploader if TikTok's reason allows another attempt; otherwise it has failed.

    Another attempt is safe here and only here: TikTok states that this one is not out.
    """
    reason = fail_reasons.lookup(fail_reason)
    polled = replace(state, revision=state.revision + 1, account_paused_until=now + admission.ACCOUNT_POLL_INTERVAL)
    if reason.retryable:
        return _return(key, polled, fail_reason, reason.message, now)
    failed = PostFailed(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=polled.tenant,
        revision=polled.revision,
        at=now,
        reason=FailureReason.REFUSED_BY_TIKTOK,
        message=reason.message,
        code=fail_reason,
    )
    return Decision(state=_close(polled, states.Verdict.FAILED, now), events=(failed,))


def _return(key: StateKey, state: states.Following, code: str, message: str, now: UtcDatetime) -> Decision[states.Post]:
    """Give the post back to the uploader.

    The uploader decides whether there is time for another attempt.

    State and event are one transaction, so a late poll of this attempt always finds `Returned`.
    """
    after = states.Returned(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=state.revision,
        account_paused_until=state.account_paused_until,
        at=now,
    )
    returned = PostReturned(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=state.tenant,
        revision=state.revision,
        at=now,
        attempt=state.attempt,
        code=code,
        message=message,
    )
    return Decision(state=after, events=(returned,))


def await_credential(
    key: StateKey,
    state: states.Following | states.Published,
    failure: facts.CredentialFailure,
    now: UtcDatetime,
) -> Decision[states.Post]:
    """Stop polling until there is a newer access token. If TikTok rejected this one, auth must know.

    Auth cannot notice that itself: to it the token is valid until its planned end.
    """
    match failure:
        case facts.NoCredential(version=version):
            return Decision(state=states.AwaitingCredential(then=state, newer_than=version))
        case facts.CredentialRejected(version=version, code=code):
            rejected = TokenRejected(
                account_id=key.partition_key, version=version, code=code, service=service.NAME, at=now
            )
            return Decision(state=states.AwaitingCredential(then=state, newer_than=version), events=(rejected,))


def poll_again(key: StateKey, state: P, result: facts.PollResult, now: UtcDatetime) -> Decision[states.Post]:
    """Plan the next poll, unless the deadline has passed.

    Every poll pauses its account, so that all posts of the account together stay within our share of TikTok's limit.
    """
    limited = isinstance(result, facts.RateLimited)
    pause = admission.RATE_LIMIT_PAUSE if limited else admission.ACCOUNT_POLL_INTERVAL
    polled = replace(state, polls=state.polls + 1, account_paused_until=now + pause)
    # After a 429 the pause may be longer than the delay: a post must not be due before its account may poll.
    planned = replace(polled, next_at=max(now + pause, plans.next_poll_at(key, polled, now)))
    return within_deadline(key, planned, now)


def within_deadline(
    key: StateKey, state: states.Following | states.Published, now: UtcDatetime
) -> Decision[states.Post]:
    """Keep the state until its deadline. Then publish `post.unresolved`, once, or close the post.

    An unresolved post is polled on, because TikTok may decide late, and `post.published` may still follow.
    """
    over = now >= plans.deadline(state)
    match state:
        case states.Following(unresolved=False) if over or state.refusals >= plans.REFUSALS_BEFORE_UNRESOLVED:
            return _leave_unresolved(key, state, now)
        # No event: `post.unresolved` is published, and nothing has changed for its readers.
        case states.Following(unresolved=True) if over:
            return Decision(state=_close(state, states.Verdict.UNRESOLVED, now))
        # No event either: the verdict is published, only the search for ids ends.
        case states.Published() if over:
            return Decision(state=_close(state, states.Verdict.PUBLISHED, now))
        case states.Following() | states.Published():
            return unchanged(state)


def _leave_unresolved(key: StateKey, state: states.Following, now: UtcDatetime) -> Decision[states.Post]:
    unresolved = replace(state, unresolved=True, revision=state.revision + 1)
    event = PostUnresolved(
        account_id=key.partition_key,
        post_id=post_id_of(key),
        tenant=unresolved.tenant,
        revision=unresolved.revision,
        at=now,
        publish_id=unresolved.publish_id,
        attempt=unresolved.attempt,
        privacy_level=unresolved.privacy_level,
        message=fail_reasons.unresolved_message(refused=state.refusals >= plans.REFUSALS_BEFORE_UNRESOLVED),
    )
    return Decision(state=unresolved, events=(event,))


def _close(state: states.Following | states.Published, verdict: states.Verdict, now: UtcDatetime) -> states.Closed:
    """Close the post with its verdict.

    It keeps `account_paused_until`: its last poll still counts against the account's share.
    """
    return states.Closed(
        tenant=state.tenant,
        attempt=state.attempt,
        publish_id=state.publish_id,
        revision=state.revision,
        account_paused_until=state.account_paused_until,
        verdict=verdict,
        at=now,
    )
