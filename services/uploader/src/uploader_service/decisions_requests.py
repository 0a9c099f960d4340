"""Requests: accepting them, recognising a repeated one, and what may be requested at all."""

from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from msgspec.structs import replace

from common.clock import UtcDatetime
from common.contract.post import (
    MAX_SCHEDULE_AHEAD,
    FailureReason,
    PostAccepted,
    PostFailed,
    PostRequestConflict,
    PostRequested,
    PrivacyLevel,
)
from common.contract.state_keys import post_id_of
from common.streams import Decision, StateKey
from tiktok.limits import TITLE_UTF16_UNITS
from uploader_service import facts, states, transitions
from uploader_service.states import Ending, EventHeader, Post, PostProgress
from uploader_service.transitions import become, fail, unchanged

MAX_REQUEST_AGE = timedelta(days=7)
"""Shorter than finished posts are kept, so that a replay of the topic cannot post anything twice."""

DEFAULT_VALIDITY = timedelta(hours=24)
"""How long a post may take from its `publish_at`, or from the request, if it names no `not_after`."""


def on_requested(key: StateKey, state: Post | None, fact: facts.Requested, now: UtcDatetime) -> Decision[Post]:
    """Accept a new request, or compare a repeated one with the first."""
    if state is None:
        return _accept(fact, now)
    digest = states.request_digest(fact.request)
    return _compare(key, state, digest, "The content differs from the first request.", now)


def on_undecodable_request(
    key: StateKey, state: Post | None, fact: facts.UndecodableRequest, now: UtcDatetime
) -> Decision[Post]:
    """Answer a request that names a post and cannot be decoded further, so that its sender learns of it."""
    if state is not None:
        return _compare(key, state, fact.digest, f"A later request could not be read: {fact.message}.", now)
    failed = PostFailed(
        **event_header(key, fact.tenant, 1, now), reason=FailureReason.INVALID_REQUEST, message=fact.message
    )
    finished = states.Finished(tenant=fact.tenant, digest=fact.digest, revision=1, ending=Ending.FAILED, at=now)
    return become(finished, failed)


def _accept(fact: facts.Requested, now: UtcDatetime) -> Decision[Post]:
    """Write the request down, unless it is clear already that it can never be posted."""
    request = fact.request
    progress = PostProgress(
        request=request, digest=states.request_digest(request), not_after=deadline_for(request, now)
    )
    # The order matters: an old request must not be judged by limits that count from today.
    if is_too_old(fact.recorded_at, now):
        message = (
            f"The request was written at {fact.recorded_at}, more than {MAX_REQUEST_AGE.days} days ago. "
            "If it shall still be posted, send it again."
        )
        return fail(progress, FailureReason.TOO_OLD, message, now)
    if (error := validation_error(request, now)) is not None:
        return fail(progress, FailureReason.INVALID_REQUEST, error, now)
    if now >= progress.not_after:
        return transitions.fail_too_late(progress, now)
    accepted = PostAccepted(
        **progress.header(now),
        source_url=redacted_url(request.source.url),
        privacy_level=request.privacy_level,
        caption=request.caption,
    )
    return become(states.AwaitingAccount(progress=progress.with_next_revision(), since=now), accepted)


def _compare(key: StateKey, state: Post, digest: str, difference: str, now: UtcDatetime) -> Decision[Post]:
    """Ignore a request with the same content; report another one as a conflict. The first request stands.

    The publisher counts the revisions of a post that was handed over. A conflict about such a post therefore repeats
    the revision of the hand-over.
    """
    first = state.digest if isinstance(state, states.Finished) else states.progress_of(state).digest
    if first == digest:
        return unchanged(state)
    counted, header = _next_header(key, state, now)
    return become(counted, PostRequestConflict(**header, message=f"{difference} The first request stands."))


def _next_header(key: StateKey, state: Post, now: UtcDatetime) -> tuple[Post, EventHeader]:
    match state:
        case states.Finished():
            # After a failure the uploader still counts; otherwise the publisher does.
            step = 1 if state.ending is Ending.FAILED else 0
            counted = replace(state, revision=state.revision + step)
            return counted, event_header(key, state.tenant, counted.revision, now)
        case states.HandedOver():
            header = state.progress.header(now)
            header["revision"] = state.progress.revision
            return state, header
        case states.Paused(then=then):
            counted_then = replace(then, progress=then.progress.with_next_revision())
            return replace(state, then=counted_then), then.progress.header(now)
        case states.AwaitingAccount() | states.Working():
            return replace(state, progress=state.progress.with_next_revision()), state.progress.header(now)


def event_header(key: StateKey, tenant: str, revision: int, now: UtcDatetime) -> EventHeader:
    """Begin an event about a post whose request is not kept."""
    return EventHeader(account_id=key.partition_key, post_id=post_id_of(key), tenant=tenant, revision=revision, at=now)


def validation_error(request: PostRequested, now: UtcDatetime) -> str | None:
    """Return what makes the request impossible with any source and creator, with field, value and limit."""
    # TikTok counts the caption in UTF-16 code units: an emoji is two of them.
    units = len(request.caption.encode("utf-16-le", errors="surrogatepass")) // 2
    if units > TITLE_UTF16_UNITS:
        return f"caption: It has {units} UTF-16 code units; TikTok takes at most {TITLE_UTF16_UNITS}."
    if request.brand_content and request.privacy_level is PrivacyLevel.SELF_ONLY:
        return "privacy_level: Branded content cannot be SELF_ONLY. Choose another level, or no brand_content."
    farthest = now + MAX_SCHEDULE_AHEAD
    for name, time in (("publish_at", request.publish_at), ("not_after", request.not_after)):
        if time is not None and time > farthest:
            limit = f"at most {MAX_SCHEDULE_AHEAD.days} days ahead, {farthest.isoformat()}"
            return f"{name}: {time.isoformat()} is too far ahead. It may lie {limit}."
    if request.publish_at is not None and request.not_after is not None and request.not_after < request.publish_at:
        return f"not_after: {request.not_after.isoformat()} is before publish_at, {request.publish_at.isoformat()}."
    return None


def creator_restriction(
    request: PostRequested,
    *,
    privacy_levels: tuple[str, ...],
    comment_disabled: bool,
    duet_disabled: bool,
    stitch_disabled: bool,
) -> str | None:
    """Return what the creator's settings at TikTok do not allow at the moment."""
    if request.privacy_level not in privacy_levels:
        offered = ", ".join(privacy_levels) or "none"
        return f"privacy_level: {request.privacy_level} is not offered to this creator now. TikTok offers: {offered}."
    interactions = (
        ("allow_comment", request.allow_comment, comment_disabled),
        ("allow_duet", request.allow_duet, duet_disabled),
        ("allow_stitch", request.allow_stitch, stitch_disabled),
    )
    # TikTok would switch these off without a word, and the post would go out other than requested.
    disabled = [name for name, requested, is_disabled in interactions if requested and is_disabled]
    return (
        f"{disabled[0]}: true is not possible, because the creator has switched it off at TikTok." if disabled else None
    )


def deadline_for(request: PostRequested, now: UtcDatetime) -> UtcDatetime:
    """Return until when the post may go out. A time that `validation_error` refuses as too far ahead is cut off."""
    farthest = now + MAX_SCHEDULE_AHEAD
    if request.not_after is not None:
        return min(request.not_after, farthest)
    return min(request.publish_at or now, farthest) + DEFAULT_VALIDITY


def is_too_old(recorded_at: UtcDatetime | None, now: UtcDatetime) -> bool:
    """Return whether the request may be older than what is kept of finished posts."""
    return recorded_at is not None and now - recorded_at > MAX_REQUEST_AGE


def redacted_url(url: str) -> str:
    """Return the URL without what may be secret: credentials, and the query, which may hold a signature."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return ""
    if not host:
        # In a text that is no URL the credentials may be anywhere.
        return ""
    return urlunsplit((parts.scheme, f"[{host}]{port}" if ":" in host else f"{host}{port}", parts.path, "", ""))
