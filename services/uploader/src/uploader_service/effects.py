"""The effects that states request, each with all that carrying it out takes.

Every effect declares by its base class what a repetition does at TikTok, because a lost answer leaves open whether
the call arrived:

- `Repeatable`: nothing new comes into being. Repeat it after any loss.
- `HarmlessInit`: another upload, which stays empty and never publishes. The next attempt may begin at once.
- `PublishingInit`: possibly a second post. After a lost answer it must never be called again.
"""

from dataclasses import dataclass
from typing import TypeAlias

from common.contract.post import PostRequested
from uploader_service.states import Media, UploadSession


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatable:
    """Base of effects that may be repeated after a lost answer."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmlessInit:
    """Base of inits that publish nothing by themselves: without bytes their `publish_id` stays empty.

    A video by FILE_UPLOAD is one.
    """

    attempt: int
    request: PostRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingInit:
    """Base of inits that publish from the call alone, such as photos or PULL_FROM_URL. None exists yet.

    `decisions_effect_results.on_init_unanswered` makes a lost answer final. A process that stops during the call loses
    the answer, too. Before such an effect is added, a state has to record that the call begins, and that state must not
    request the call again.
    """

    attempt: int
    request: PostRequested


AnyInit: TypeAlias = HarmlessInit | PublishingInit


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSource(Repeatable):
    """Check the source: does it exist, how large is it, is it a video.

    It reads the first bytes only. The file may still change later, which each read of a chunk notices.
    """

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCreator(Repeatable):
    """Ask TikTok what the creator may post now, with this tenant's access token.

    TikTok refuses an init with a privacy level that it does not offer the creator. Asking first gives a clear reason.
    """

    tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InitVideoUpload(HarmlessInit):
    """Open an attempt at TikTok. Each call that arrives opens another one.

    Only an id that was committed gets bytes.
    """

    media: Media


@dataclass(frozen=True, slots=True, kw_only=True)
class SendChunk(Repeatable):
    """Send one chunk. Bytes sent twice go to the same attempt, which publishes once.

    A process that did not open the attempt sends its last chunk only from a state with `taken_over`.
    """

    url: str
    media: Media
    session: UploadSession
    chunk: int
    taken_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryStatus(Repeatable):
    """Ask TikTok how far it is with an attempt.

    It counts against the 30 status calls a minute that TikTok allows for one user's token.
    """

    publish_id: str


Effect: TypeAlias = ProbeSource | QueryCreator | InitVideoUpload | SendChunk | QueryStatus
TikTokCall: TypeAlias = QueryCreator | InitVideoUpload | QueryStatus
"""Effects that need the account's access token."""
