"""Carries effects out: calls to TikTok on the event loop, sources and chunks in threads. Every outcome is a fact."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Protocol, TypeVar

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.clock import Clock
from common.contract.post import PostRequested
from common.contract.state_keys import post_id_of
from common.security.credentials import AccessTokens, NoAccessToken
from common.security.sealing import CannotOpen, open_sealed, seal_for
from common.streams import StateKey, Views
from tiktok import models, results
from tiktok.chunks import ChunkPlan
from tiktok.results import Done, NotSent, Refused, Stored, Unknown
from uploader_service import metrics, service
from uploader_service.effects import AskCreator, AskStatus, Init, Probe, SendChunk, TikTokCall, Wanted
from uploader_service.errors import UrlOver
from uploader_service.facts import (
    ChunkDeclined,
    ChunkOutcome,
    ChunkStored,
    CreatorTold,
    Declined,
    Fact,
    InitDone,
    Located,
    NeverSent,
    NoCredential,
    Outcome,
    Problem,
    SourceBroke,
    SourceFound,
    SourceUnusable,
    TakenOver,
    TicketUnreadable,
    Unanswered,
)
from uploader_service.metrics import EffectKind, EffectOutcome
from uploader_service.sent_chunks import Pieces, Sends
from uploader_service.sources.problems import SourceFailed, SourceProblem, TemporarilyUnavailable, failure_reason
from uploader_service.sources.reader import Probed
from uploader_service.states import URL_LIFE, Media

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Posting(Protocol):
    """TikTok's calls, as far as an upload needs them."""

    async def creator_info(self, token: str) -> results.CallResult[models.CreatorInfo]:
        """Say what the creator may do now. May be repeated."""

    async def init_video(
        self, token: str, post: models.VideoPost, plan: ChunkPlan
    ) -> results.CallResult[models.UploadPermit]:
        """Open an upload. Each call that arrives opens another."""

    async def status(self, token: str, publish_id: str) -> results.CallResult[models.PublishStatus]:
        """Say where TikTok is with a post. May be repeated."""


class Chunks(Protocol):
    """TikTok's upload hosts. Blocking; called in a thread."""

    def put_chunk(
        self,
        upload_url: str,
        *,
        first: int,
        last: int,
        total: int,
        content_type: str,
        pieces: Iterator[bytes],
        stop: threading.Event,
    ) -> results.ChunkResult:
        """Send the bytes `first` to `last` of `total`, once."""


class Origins(Protocol):
    """Where bytes come from. Blocking; called in a thread."""

    def probe(self, url: str) -> Probed | SourceProblem:
        """Say what is there. May be repeated."""

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """Hand out the bytes `first` to `last`. Raises `SourceFailed`."""


class UploaderEffects:
    """Carries out what posts want. All of it may be cut off at any point; only an init must not be repeated freely."""

    def __init__(
        self,
        *,
        tiktok: Posting,
        chunks: Chunks,
        sources: Origins,
        private_key: X25519PrivateKey,
        threads: Executor,
        clock: Clock,
    ) -> None:
        """Take what it works with; `private_key` opens what auth seals to the uploader, and its own upload urls."""
        self._tiktok = tiktok
        self._chunks = chunks
        self._sources = sources
        self._private_key = private_key
        self._threads = threads
        self._clock = clock
        self._sends = Sends()
        self._tokens = AccessTokens(service=service.NAME, private_key=private_key, clock=clock)

    async def perform(self, key: StateKey, effect: Wanted, views: Views) -> Fact:
        """Do it once."""
        fact = await self._perform(key, effect, views)
        metrics.EFFECTS.labels(_KINDS[type(effect)], _ENDS[type(fact)]).inc()
        return fact

    async def _perform(self, key: StateKey, effect: Wanted, views: Views) -> Outcome:
        match effect:
            case Probe():
                return await self._in_thread(lambda _stop: self._probe(effect))
            case SendChunk():
                return await self._send_chunk(key, effect)
            case AskCreator():
                return await self._call(key, effect, views, self._tiktok.creator_info, partial(_creator_told, effect))
            case Init():
                ask = partial(self._init, effect)
                return await self._call(key, effect, views, ask, partial(self._sealed, key, effect))
            case AskStatus():
                ask_status = partial(self._status, effect)
                return await self._call(key, effect, views, ask_status, partial(_located, effect))

    async def _call(
        self,
        key: StateKey,
        effect: TikTokCall,
        views: Views,
        ask: Callable[[str], Awaitable[results.CallResult[T]]],
        read: Callable[[T], Outcome],
    ) -> Outcome:
        token = self._tokens.of(key.partition_key, views, tenant=_grantor(effect))
        if isinstance(token, NoAccessToken):
            return NoCredential(of=effect, version=token.version)
        match await ask(token.text):
            case Done(value=value):
                return read(value)
            case Refused() as refused:
                _log_refusal(key, effect, refused)
                return Declined(of=effect, refused=refused, version=token.version)
            case NotSent(reason=reason):
                return NeverSent(of=effect, reason=reason)
            case Unknown(reason=reason):
                return Unanswered(of=effect, reason=reason)

    async def _init(self, effect: Init, token: str) -> results.CallResult[models.UploadPermit]:
        return await self._tiktok.init_video(token, _video_post(effect.request), effect.media.plan)

    async def _status(self, effect: AskStatus, token: str) -> results.CallResult[models.PublishStatus]:
        return await self._tiktok.status(token, effect.publish_id)

    def _sealed(self, key: StateKey, effect: Init, ticket: models.UploadPermit) -> InitDone:
        context = _url_context(key, ticket.publish_id)
        sealed = seal_for(self._private_key.public_key(), ticket.upload_url.encode(), context)
        self._sends.opened(ticket.publish_id)
        return InitDone(of=effect, publish_id=ticket.publish_id, sealed_url=sealed)

    def _probe(self, effect: Probe) -> Outcome:
        match self._sources.probe(effect.url):
            case Probed(size=size, validator=validator, content_type=content_type):
                media = Media(size=size, validator=validator, content_type=content_type)
                return SourceFound(of=effect, media=media)
            case problem:
                return SourceUnusable(of=effect, problem=_problem(problem))

    async def _send_chunk(self, key: StateKey, effect: SendChunk) -> Outcome:
        ticket = effect.ticket
        is_last = effect.chunk == effect.media.plan.count - 1
        if is_last and not effect.taken_over and not self._sends.first_hand(ticket.publish_id):
            return TakenOver(of=effect)
        try:
            url = open_sealed(self._private_key, ticket.sealed_url, _url_context(key, ticket.publish_id)).decode()
        except CannotOpen as error:
            log.warning(
                "upload_url_unreadable", account_id=key.partition_key, post_id=post_id_of(key), fault=str(error)
            )
            return TicketUnreadable(of=effect, nothing_left=self._sends.none_left(ticket.publish_id))
        if is_last:
            self._sends.begin(ticket.publish_id)
        with metrics.CHUNK_SECONDS.time():
            fact = await self._in_thread(partial(self._put, effect, url))
        if isinstance(fact, ChunkDeclined):
            _log_refusal(key, effect, fact.refused)
        return fact

    def _put(self, effect: SendChunk, upload_url: str, stop: threading.Event) -> ChunkOutcome:
        media, plan = effect.media, effect.media.plan
        first, last = plan.first(effect.chunk), plan.last(effect.chunk)
        pieces = self._pieces(effect, first, last)
        try:
            outcome = self._chunks.put_chunk(
                upload_url,
                first=first,
                last=last,
                total=media.size,
                content_type=media.content_type,
                pieces=pieces,
                stop=stop,
            )
        except SourceFailed as failed:
            nothing_left = self._none_left(effect, now_neither=not pieces.begun)
            return SourceBroke(of=effect, problem=_problem(failed.problem), nothing_left=nothing_left)
        except UrlOver as over:
            return Unanswered(of=effect, reason=str(over))
        match outcome:
            case Stored(complete=complete):
                metrics.BYTES.inc(last - first + 1)
                if complete:
                    self._sends.forget(effect.ticket.publish_id)
                return ChunkStored(of=effect, complete=complete)
            case Refused():
                return ChunkDeclined(of=effect, refused=outcome)
            case NotSent(reason=reason):
                self._none_left(effect, now_neither=True)
                return NeverSent(of=effect, reason=reason)
            case Unknown(reason=reason):
                return Unanswered(of=effect, reason=reason)

    def _pieces(self, effect: SendChunk, first: int, last: int) -> Pieces:
        # A send that begins after the url's life is made to hear TikTok refuse it.
        end = effect.ticket.opened_at + URL_LIFE
        source = self._sources.read(effect.url, first, last, effect.media.validator)
        return Pieces(source=source, until=end if self._clock() < end else None, clock=self._clock)

    def _none_left(self, effect: SendChunk, *, now_neither: bool) -> bool:
        """Whether no byte of the attempt's last chunk ever left from here; `now_neither`: this send ended before it."""
        publish_id = effect.ticket.publish_id
        if now_neither and effect.chunk == effect.media.plan.count - 1:
            self._sends.came_to_nothing(publish_id)
        return self._sends.none_left(publish_id)

    async def _in_thread(self, work: Callable[[threading.Event], T]) -> T:
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, stop)
        finally:
            # Cancelled: the thread sees it at its next piece.
            stop.set()


def _grantor(effect: TikTokCall) -> str:
    match effect:
        case Init(request=request):
            return request.tenant
        case AskCreator(tenant=tenant):
            return tenant
        case AskStatus():
            # What became of bytes that TikTok has may have to be found out when the account is another tenant's.
            return ""


def _url_context(key: StateKey, publish_id: str) -> str:
    return f"{key.partition_key}|upload_url|{publish_id}"


def _log_refusal(key: StateKey, effect: Wanted, refused: Refused) -> None:
    log.warning(
        "tiktok_refused",
        effect=_KINDS[type(effect)].value,
        account_id=key.partition_key,
        post_id=post_id_of(key),
        status=refused.status,
        error_code=refused.code,
        log_id=refused.log_id,
    )


def _creator_told(effect: AskCreator, info: models.CreatorInfo) -> CreatorTold:
    return CreatorTold(
        of=effect,
        privacy_levels=info.privacy_level_options,
        comment_disabled=info.comment_disabled,
        duet_disabled=info.duet_disabled,
        stitch_disabled=info.stitch_disabled,
    )


def _located(effect: AskStatus, status: models.PublishStatus) -> Located:
    return Located(
        of=effect, status=status.status, fail_reason=status.fail_reason, uploaded_bytes=status.uploaded_bytes
    )


def _problem(problem: SourceProblem) -> Problem:
    temporary = isinstance(problem, TemporarilyUnavailable)
    return Problem(reason=failure_reason(problem), message=problem.sentence, temporary=temporary)


def _video_post(request: PostRequested) -> models.VideoPost:
    return models.VideoPost(
        title=request.caption,
        privacy_level=request.privacy_level,
        disable_comment=not request.allow_comment,
        disable_duet=not request.allow_duet,
        disable_stitch=not request.allow_stitch,
        brand_content_toggle=request.brand_content,
        brand_organic_toggle=request.brand_organic,
        is_aigc=request.is_aigc,
        video_cover_timestamp_ms=request.cover_timestamp_ms,
    )


_KINDS: dict[type[Wanted], EffectKind] = {
    Probe: EffectKind.PROBE,
    AskCreator: EffectKind.CREATOR,
    Init: EffectKind.INIT,
    SendChunk: EffectKind.CHUNK,
    AskStatus: EffectKind.STATUS,
}
_ENDS: dict[type[Outcome], EffectOutcome] = {
    SourceFound: EffectOutcome.DONE,
    CreatorTold: EffectOutcome.DONE,
    InitDone: EffectOutcome.DONE,
    ChunkStored: EffectOutcome.DONE,
    Located: EffectOutcome.DONE,
    Declined: EffectOutcome.REFUSED,
    ChunkDeclined: EffectOutcome.REFUSED,
    NeverSent: EffectOutcome.NOT_SENT,
    Unanswered: EffectOutcome.UNKNOWN,
    SourceUnusable: EffectOutcome.SOURCE,
    SourceBroke: EffectOutcome.SOURCE,
    NoCredential: EffectOutcome.NO_CREDENTIAL,
    TicketUnreadable: EffectOutcome.UNREADABLE,
    TakenOver: EffectOutcome.TAKEN_OVER,
}
