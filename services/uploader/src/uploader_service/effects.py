"""What the uploader may want done in the outside world, each with all that doing it takes."""

from dataclasses import dataclass
from typing import TypeAlias

from common.contract.post import PostRequested
from uploader_service.states import Asking, Initialising, Locating, Media, Probing, Ticket, Uploading, Working


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Look at the source: is it there, how large, what kind."""

    attempt: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCreator:
    """Ask what the creator may post now, by the grant of this tenant."""

    attempt: int
    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """Open an attempt at TikTok. Repeating it makes a second, empty one."""

    attempt: int
    request: PostRequested
    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class SendChunk:
    """Send one chunk. Bytes sent twice go to the same attempt, which publishes once.

    A process that did not open the attempt sends its last chunk only from a state that says so: `taken_over`.
    """

    attempt: int
    url: str
    media: Media
    ticket: Ticket
    chunk: int
    taken_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStatus:
    """Ask how far TikTok is with an attempt."""

    attempt: int
    publish_id: str


Wanted: TypeAlias = Probe | AskCreator | Init | SendChunk | AskStatus
TikTokCall: TypeAlias = AskCreator | Init | AskStatus
"""Effects that need the account's access token."""


def wanted_by(state: Working) -> Wanted:
    """The one thing that the state wants done next."""
    job = state.job
    match state:
        case Probing():
            return Probe(attempt=job.attempt, url=job.request.source.url)
        case Asking():
            return AskCreator(attempt=job.attempt, tenant=job.request.tenant)
        case Initialising():
            return Init(attempt=job.attempt, request=job.request, media=state.media)
        case Uploading():
            return SendChunk(
                attempt=job.attempt,
                url=job.request.source.url,
                media=state.media,
                ticket=state.ticket,
                chunk=state.next_chunk,
                taken_over=state.taken_over,
            )
        case Locating():
            return AskStatus(attempt=job.attempt, publish_id=state.ticket.publish_id)
