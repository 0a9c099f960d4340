"""The states of a post in the uploader: one frozen class each, stored in Kafka as it is.

Unions are written twice. A base class (`Working`, `Querying`, `Paused`) serves `case states.Working():`. The alias
(`WorkingState`, `QueryingState`) names all classes, so that mypy reports a match which forgets a new one.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeAlias, TypedDict

import msgspec

from common.clock import UtcDatetime
from common.contract.post import MAX_SCHEDULE_AHEAD, DelayReason, PostRequested
from tiktok.chunks import ChunkPlan, plan_chunks
from tiktok.limits import UPLOAD_URL_SECONDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACCOUNT_WAIT_LIMIT = timedelta(seconds=60)
"""How long a request waits for its account: long enough for a connection just made, short enough to watch."""

DELAY_EVENT_AFTER = timedelta(seconds=5)
"""Shorter waits publish no `post.delayed`: a person would not notice them."""

UPLOAD_URL_LIFETIME = timedelta(seconds=UPLOAD_URL_SECONDS)
UPLOAD_URL_MARGIN = timedelta(minutes=5)
"""Kept before and after the end of an upload URL, so that clocks of two processes may differ by as much."""

UNRESOLVED_AFTER = timedelta(hours=26)
"""How long after its init the uploader queries an attempt whose last chunk may have left.

Longer than a post is valid by default: once TikTok answers again, only the uploader can prove that an attempt is dead.
"""

RETURN_WINDOW = timedelta(days=1)
"""How long a post may still be returned after its `not_after` or its hand-over: TikTok's verdict may take a day."""

INIT_TIMES_KEPT = timedelta(days=1)
QUERY_TIMES_KEPT = timedelta(minutes=1)
"""As long as the window in which `admission.py` counts the queries."""


class EventHeader(TypedDict):
    """The fields that every event about a post begins with."""

    account_id: str
    post_id: str
    tenant: str
    revision: int
    at: UtcDatetime


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """The source file as the probe found it.

    `validator` is opaque; with it a later read notices that the file is another one by then.
    """

    size: int
    validator: str
    content_type: str

    @property
    def plan(self) -> ChunkPlan:
        """How the file is cut into chunks."""
        return plan_chunks(self.size)


class UploadSession(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that TikTok opened.

    The upload URL is a secret: anyone who has it can upload. It is kept sealed to the uploader's own key.

    `opened_at` is our own time, at which TikTok's answer was taken in. The URL's hour counts from it.
    """

    publish_id: str
    sealed_url: str
    opened_at: UtcDatetime


class CallTimes(msgspec.Struct, frozen=True, kw_only=True):
    """When this post used up some of its account's quotas at TikTok.

    `admission.py` counts them.

    Times and not numbers: the minute of a quota slides.
    """

    inits: tuple[UtcDatetime, ...] = ()
    creators: tuple[UtcDatetime, ...] = ()
    statuses: tuple[UtcDatetime, ...] = ()

    def with_init(self, now: UtcDatetime) -> "CallTimes":
        """Add an init, and drop those of more than a day ago."""
        return msgspec.structs.replace(self, inits=(*_since(self.inits, now - INIT_TIMES_KEPT), now))

    def with_creator_query(self, now: UtcDatetime) -> "CallTimes":
        """Add a creator query, and drop those of more than a minute ago."""
        return msgspec.structs.replace(self, creators=(*_since(self.creators, now - QUERY_TIMES_KEPT), now))

    def with_status_query(self, now: UtcDatetime) -> "CallTimes":
        """Add a status query, and drop those of more than a minute ago."""
        return msgspec.structs.replace(self, statuses=(*_since(self.statuses, now - QUERY_TIMES_KEPT), now))


def _since(times: tuple[UtcDatetime, ...], start: UtcDatetime) -> tuple[UtcDatetime, ...]:
    return tuple(time for time in times if time > start)


class PostProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What a post keeps from state to state.

    `attempt` numbers the init that is prepared or running, from 1. `unanswered_inits` counts those whose answer was
    lost, so that an outage at TikTok does not use up the post's attempts. `consecutive_failures` counts failures since
    the last success; pauses grow with it.

    `digest` recognises a repeated request. `not_after` is until when the post may go out. `revision` is that of the
    newest event about the post.
    """

    request: PostRequested
    digest: str
    not_after: UtcDatetime
    revision: int = 0
    attempt: int = 1
    unanswered_inits: int = 0
    consecutive_failures: int = 0
    calls: CallTimes = CallTimes()

    def header(self, now: UtcDatetime) -> EventHeader:
        """Begin the event with the next revision. The state that follows needs `with_next_revision`."""
        return EventHeader(
            account_id=self.request.account_id,
            post_id=self.request.post_id,
            tenant=self.request.tenant,
            revision=self.revision + 1,
            at=now,
        )

    def with_next_revision(self) -> "PostProgress":
        """Count the event that `header` began."""
        return msgspec.structs.replace(self, revision=self.revision + 1)

    def with_failure(self) -> "PostProgress":
        """Count a failure."""
        return msgspec.structs.replace(self, consecutive_failures=self.consecutive_failures + 1)

    def with_failures_cleared(self) -> "PostProgress":
        """Reset the count after a success."""
        return msgspec.structs.replace(self, consecutive_failures=0)


class AwaitingAccount(msgspec.Struct, frozen=True, kw_only=True, tag="awaiting_account"):
    """The request arrived; its account is not in the view yet.

    Requests and accounts are on different topics, so a request may be read before the account that it names.
    `delay_published`: `post.delayed` was published, so it is not published again.
    """

    progress: PostProgress
    since: UtcDatetime
    delay_published: bool = False


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all states that request an effect. Use `WorkingState` as a type, this class in `case`."""

    progress: PostProgress


class Probing(Working, frozen=True, kw_only=True, tag="probing"):
    """The source has to be checked.

    Every attempt begins here: the file may have changed since the last one.
    """


class CheckingCreator(Working, frozen=True, kw_only=True, tag="checking_creator"):
    """TikTok has to be asked what the creator may post now.

    Every attempt asks: the creator may have changed the settings, or may have used up the day's posts.
    """

    media: Media


class Initialising(Working, frozen=True, kw_only=True, tag="initialising"):
    """The init of this attempt is starting.

    An earlier process may have made the call already.

    Calling it again is harmless: the earlier `publish_id` gets no bytes and never publishes.
    """

    media: Media


class Uploading(Working, frozen=True, kw_only=True, tag="uploading"):
    """Chunk `next_chunk` has to be sent.

    `last_chunk_may_have_left` is committed before the last chunk is sent; from then on the attempt may publish.
    `taken_over`: another process opened the attempt, so this one does not know every send of the last chunk.
    """

    media: Media
    session: UploadSession
    next_chunk: int
    last_chunk_may_have_left: bool
    progress_published_at: UtcDatetime | None = None
    taken_over: bool = False


class Querying(Working, frozen=True, kw_only=True):
    """Base of the states that ask TikTok how many bytes it has, after an answer was lost or in doubt."""

    media: Media
    session: UploadSession


class QueryingBeforeLastChunk(Querying, frozen=True, kw_only=True, tag="querying_before_last_chunk"):
    """The last chunk has not left: the attempt cannot publish and may be replaced."""


class QueryingAfterLastChunk(Querying, frozen=True, kw_only=True, tag="querying_after_last_chunk"):
    """The last chunk may have left, and chunks can still be sent. `taken_over` as in `Uploading`."""

    taken_over: bool = False


class QueryingUnsendable(Querying, frozen=True, kw_only=True, tag="querying_unsendable"):
    """The last chunk may have left, and nothing can be sent any longer.

    The source is gone, the URL is sealed to another key, or TikTok's host is not reachable after the URL's end. Without
    a send TikTok cannot refuse the URL, so the proof has to wait until the URL has expired.
    """


class ProvingDead(Querying, frozen=True, kw_only=True, tag="proving_dead"):
    """The last chunk may have left, but the upload URL has expired: no further byte can arrive.

    `incomplete_answers` counts the status answers since then that reported fewer bytes than the file has.
    `ANSWERS_TO_PROVE` of them prove that the attempt will never publish.
    """

    incomplete_answers: int = 0


QueryingState: TypeAlias = QueryingBeforeLastChunk | QueryingAfterLastChunk | QueryingUnsendable | ProvingDead
UploadState: TypeAlias = Uploading | QueryingState
"""States of an attempt that TikTok opened."""

WorkingState: TypeAlias = Probing | CheckingCreator | Initialising | UploadState


class Paused(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the states that do nothing for a while; the post continues as `then`."""

    then: WorkingState


class Waiting(Paused, frozen=True, kw_only=True, tag="waiting"):
    """The post waits until a time."""

    until: UtcDatetime
    reason: DelayReason


class AwaitingCredential(Paused, frozen=True, kw_only=True, tag="awaiting_credential"):
    """The post waits for an access token of a version above `newer_than`."""

    newer_than: int


class HandedOver(msgspec.Struct, frozen=True, kw_only=True, tag="handed_over"):
    """The publisher owns the post; it may return it for another attempt.

    The request is kept in `progress`, because another attempt begins from it. After `returnable_until` only a digest of
    it is left.
    """

    progress: PostProgress
    publish_id: str
    at: UtcDatetime


class Ending(StrEnum):
    """How a post left the uploader for good."""

    FAILED = "failed"
    HANDED_OVER = "handed_over"
    UNRESOLVED = "unresolved"


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """What is kept of a post so that it is never posted again.

    It is enough to recognise a repeated request.

    A conflict that is reported after a failure needs `revision`. `inits` still count against the account's quota.
    """

    tenant: str
    digest: str
    revision: int
    ending: Ending
    at: UtcDatetime
    inits: tuple[UtcDatetime, ...] = ()


Post: TypeAlias = AwaitingAccount | WorkingState | Waiting | AwaitingCredential | HandedOver | Finished


def request_digest(request: PostRequested) -> str:
    """Return a digest of a request's content: equal requests have equal ones, however they write their times."""
    timeless = msgspec.structs.replace(request, publish_at=None, not_after=None)
    # As distances from 1970: the same moment may be written with another offset.
    times = [None if time is None else time - _EPOCH for time in (request.publish_at, request.not_after)]
    return hashlib.sha256(msgspec.json.encode((timeless, times), order="sorted")).hexdigest()


def progress_of(state: AwaitingAccount | WorkingState | Waiting | AwaitingCredential | HandedOver) -> PostProgress:
    """Return what the post keeps from state to state."""
    match state:
        case Paused(then=then):
            return then.progress
        case AwaitingAccount() | Working() | HandedOver():
            return state.progress


def tenant_of(state: Post) -> str:
    """Return the tenant that asked for the post."""
    return state.tenant if isinstance(state, Finished) else progress_of(state).request.tenant


def last_chunk_may_have_left(state: UploadState) -> bool:
    """Return whether the attempt may publish with what was already sent.

    From here on a new init needs proof that this attempt is dead: two attempts with all their bytes are two posts.
    """
    match state:
        case Uploading():
            return state.last_chunk_may_have_left
        case QueryingBeforeLastChunk():
            return False
        case QueryingAfterLastChunk() | QueryingUnsendable() | ProvingDead():
            return True


def deadline_of(state: WorkingState) -> UtcDatetime:
    """Return when the state must end, even if its effect has no result by then."""
    match state:
        case Uploading(last_chunk_may_have_left=True):
            # `not_after` only ends the sending: TikTok may have every byte, so `expire` asks it.
            return min(state.progress.not_after, state.session.opened_at + UNRESOLVED_AFTER)
        case QueryingAfterLastChunk() | QueryingUnsendable() | ProvingDead():
            # `not_after` does not end these: the post may be out, so TikTok has to be asked.
            return state.session.opened_at + UNRESOLVED_AFTER
        case Uploading() | QueryingBeforeLastChunk():
            # A new attempt costs nothing before the last chunk, so the URL is given up before its end.
            url_end = state.session.opened_at + UPLOAD_URL_LIFETIME - UPLOAD_URL_MARGIN
            return min(state.progress.not_after, url_end)
        case Probing() | CheckingCreator() | Initialising():
            return state.progress.not_after


def returnable_until(state: HandedOver) -> UtcDatetime:
    """Return until when the publisher may return the post: its `not_after`, and a day for TikTok's verdict."""
    not_after = min(state.progress.not_after, state.at + MAX_SCHEDULE_AHEAD + RETURN_WINDOW)
    return max(not_after, state.at) + RETURN_WINDOW


def url_has_expired(session: UploadSession, now: UtcDatetime) -> bool:
    """Return whether the upload URL is past its lifetime and the margin, so that no byte can arrive by it."""
    return now >= session.opened_at + UPLOAD_URL_LIFETIME + UPLOAD_URL_MARGIN
