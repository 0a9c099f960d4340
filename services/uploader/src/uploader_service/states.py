"""What a post can be in the uploader: one frozen class per state, stored as it is."""

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
PARKED_FOR = timedelta(seconds=60)
"""How long a request waits for its account: long enough for a connection just made, short enough to watch."""

TELL_AFTER = timedelta(seconds=5)
URL_LIFE = timedelta(seconds=UPLOAD_URL_SECONDS)
URL_MARGIN = timedelta(minutes=5)
FIND_OUT_FOR = timedelta(hours=26)
"""How long after its init an attempt whose last chunk may have left is being found out here.

Longer than a post is valid by default: once TikTok answers again, only the uploader can prove that an attempt is dead.
"""

REMEMBER = timedelta(days=30)
RETURNABLE_FOR = timedelta(days=1)
QUOTA_MEMORY = timedelta(days=1)
CALL_MEMORY = timedelta(minutes=1)


class EventHeader(TypedDict):
    """What every event about a post says first."""

    account_id: str
    post_id: str
    tenant: str
    revision: int
    at: UtcDatetime


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """The source's bytes as they were found. `validator` tells whether they are still the same ones."""

    size: int
    validator: str
    content_type: str

    @property
    def plan(self) -> ChunkPlan:
        """How the bytes are cut."""
        return plan_chunks(self.size)


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt's place at TikTok. The url is a secret: it is kept sealed to the uploader's own key."""

    publish_id: str
    sealed_url: str
    opened_at: UtcDatetime


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """When this post used up some of its account's quotas."""

    inits: tuple[UtcDatetime, ...] = ()
    creators: tuple[UtcDatetime, ...] = ()
    statuses: tuple[UtcDatetime, ...] = ()

    def init_at(self, now: UtcDatetime) -> "Calls":
        """Remember an init, and forget those of more than a day ago."""
        return msgspec.structs.replace(self, inits=(*_since(self.inits, now - QUOTA_MEMORY), now))

    def creator_at(self, now: UtcDatetime) -> "Calls":
        """Remember a question for the creator, and forget those of more than a minute ago."""
        return msgspec.structs.replace(self, creators=(*_since(self.creators, now - CALL_MEMORY), now))

    def status_at(self, now: UtcDatetime) -> "Calls":
        """Remember a question for the status, and forget those of more than a minute ago."""
        return msgspec.structs.replace(self, statuses=(*_since(self.statuses, now - CALL_MEMORY), now))


def _since(times: tuple[UtcDatetime, ...], start: UtcDatetime) -> tuple[UtcDatetime, ...]:
    return tuple(time for time in times if time > start)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a post keeps from state to state.

    `attempt` numbers the init that is prepared or under way, from 1; `lost` counts those that ended without a
    publish_id. `strikes` counts failures since something last went well; back-off grows with it.
    """

    request: PostRequested
    digest: str
    not_after: UtcDatetime
    revision: int = 0
    attempt: int = 1
    lost: int = 0
    strikes: int = 0
    calls: Calls = Calls()

    def header(self, now: UtcDatetime) -> EventHeader:
        """Begin the event that raises the revision by one."""
        return EventHeader(
            account_id=self.request.account_id,
            post_id=self.request.post_id,
            tenant=self.request.tenant,
            revision=self.revision + 1,
            at=now,
        )

    def told(self) -> "Job":
        """Count the event just begun by `header`."""
        return msgspec.structs.replace(self, revision=self.revision + 1)

    def struck(self) -> "Job":
        """Count a failure."""
        return msgspec.structs.replace(self, strikes=self.strikes + 1)

    def well(self) -> "Job":
        """Forget the failures: something went well."""
        return msgspec.structs.replace(self, strikes=0)


class Parked(msgspec.Struct, frozen=True, kw_only=True, tag="parked"):
    """The request came; its account is not in view yet."""

    job: Job
    since: UtcDatetime
    delay_told: bool = False


class Probing(msgspec.Struct, frozen=True, kw_only=True, tag="probing"):
    """The source is to be checked."""

    job: Job


class Asking(msgspec.Struct, frozen=True, kw_only=True, tag="asking"):
    """TikTok is to be asked what the creator may post now."""

    job: Job
    media: Media


class Initialising(msgspec.Struct, frozen=True, kw_only=True, tag="initialising"):
    """The init of this attempt is starting; it may have been called already."""

    job: Job
    media: Media


class Uploading(msgspec.Struct, frozen=True, kw_only=True, tag="uploading"):
    """Chunk `next_chunk` is to be sent. The last chunk is sent only from a state that says it may have left.

    `taken_over`: it is sent by another process than the one that opened the attempt, whose sends are not known.
    """

    job: Job
    media: Media
    ticket: Ticket
    next_chunk: int
    last_chunk_may_have_left: bool
    progress_told_at: UtcDatetime | None = None
    taken_over: bool = False


class Locating(msgspec.Struct, frozen=True, kw_only=True, tag="locating"):
    """An answer was lost or in doubt: TikTok is to be asked how many bytes it has.

    `refused_late`: TikTok refused the url after its life. `unsendable`: nothing can be sent to hear that refusal.
    `fewer`: status answers in a row since then, or since the url's life, that reported fewer bytes than the whole.
    Together they prove that the attempt is dead.
    """

    job: Job
    media: Media
    ticket: Ticket
    last_chunk_may_have_left: bool
    refused_late: bool = False
    fewer: int = 0
    taken_over: bool = False
    unsendable: bool = False


Working: TypeAlias = Probing | Asking | Initialising | Uploading | Locating
"""States that want something done in the outside world."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, tag="waiting"):
    """Nothing is done before `until`; then the post goes on as `then`."""

    until: UtcDatetime
    reason: DelayReason
    then: Working


class AwaitingCredential(msgspec.Struct, frozen=True, kw_only=True, tag="awaiting_credential"):
    """The access token of version `newer_than` is of no use; a newer one lets the post go on as `then`."""

    newer_than: int
    then: Working


class HandedOver(msgspec.Struct, frozen=True, kw_only=True, tag="handed_over"):
    """The publisher owns the post; it may give it back for another attempt."""

    job: Job
    publish_id: str
    at: UtcDatetime


class Ending(StrEnum):
    """How a post left the uploader for good."""

    FAILED = "failed"
    HANDED_OVER = "handed_over"


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """What is remembered of a post so that it is never posted again: enough to know a request for the same."""

    tenant: str
    digest: str
    revision: int
    ending: Ending
    at: UtcDatetime
    inits: tuple[UtcDatetime, ...] = ()


Live: TypeAlias = Parked | Working | Waiting | AwaitingCredential
"""States of a post that the uploader owns and has not ended."""

Post: TypeAlias = (
    Parked
    | Probing
    | Asking
    | Initialising
    | Uploading
    | Locating
    | Waiting
    | AwaitingCredential
    | HandedOver
    | Finished
)


def digest_of(request: PostRequested) -> str:
    """Name a request's content: equal for requests that ask for the same, however they spell their times."""
    timeless = msgspec.structs.replace(request, publish_at=None, not_after=None)
    times = [None if time is None else time - _EPOCH for time in (request.publish_at, request.not_after)]
    return hashlib.sha256(msgspec.json.encode((timeless, times), order="sorted")).hexdigest()


def job_of(state: Live | HandedOver) -> Job:
    """Find what the post keeps from state to state."""
    match state:
        case Waiting(then=then) | AwaitingCredential(then=then):
            return then.job
        case Parked() | Probing() | Asking() | Initialising() | Uploading() | Locating() | HandedOver():
            return state.job


def tenant_of(state: Post) -> str:
    """Whose post it is."""
    return state.tenant if isinstance(state, Finished) else job_of(state).request.tenant


def last_chunk_may_have_left(state: Working) -> bool:
    """Whether the attempt may publish by what was already sent: from here no new init on a guess."""
    return isinstance(state, Uploading | Locating) and state.last_chunk_may_have_left


def limit_of(state: Working) -> UtcDatetime:
    """When the state must end, whatever it waits for."""
    match state:
        case Uploading(last_chunk_may_have_left=True):
            return min(state.job.not_after, state.ticket.opened_at + FIND_OUT_FOR)
        case Locating(last_chunk_may_have_left=True):
            return state.ticket.opened_at + FIND_OUT_FOR
        case Uploading() | Locating():
            return min(state.job.not_after, state.ticket.opened_at + URL_LIFE - URL_MARGIN)
        case Probing() | Asking() | Initialising():
            return state.job.not_after


def returnable_until(state: HandedOver) -> UtcDatetime:
    """Until when the publisher may give the post back for another attempt: its moment, and a day for the verdict."""
    moment = min(state.job.not_after, state.at + MAX_SCHEDULE_AHEAD + RETURNABLE_FOR)
    return max(moment, state.at) + RETURNABLE_FOR


def url_is_past_its_life(ticket: Ticket, now: UtcDatetime) -> bool:
    """Whether TikTok's refusal of the url means that the url is dead, by a margin."""
    return now >= ticket.opened_at + URL_LIFE + URL_MARGIN
