"""Carries effects out: calls to TikTok on the event loop, sources and chunks in threads. Every result is a fact."""

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
from uploader_service import effects, facts, metrics, service
from uploader_service.errors import UploadUrlExpired
from uploader_service.metrics import EffectKind, ResultKind
from uploader_service.sent_chunks import ChunkBody, SentChunks
from uploader_service.sources.problems import SourceFailed, SourceProblem, TemporarilyUnavailable, failure_reason
from uploader_service.sources.reader import ProbedSource
from uploader_service.states import UPLOAD_URL_LIFETIME, Media

log = structlog.get_logger(__name__)
T = TypeVar("T")


class TikTokPostApi(Protocol):
    """TikTok's calls that an upload needs. `tiktok.client.TikTok` has them."""

    async def creator_info(self, token: str) -> results.CallResult[models.CreatorInfo]:
        """Return what the creator may post now. May be repeated."""

    async def init_video(
        self, token: str, post: models.VideoPost, plan: ChunkPlan
    ) -> results.CallResult[models.UploadPermit]:
        """Open an upload. Each call that arrives opens another."""

    async def status(self, token: str, publish_id: str) -> results.CallResult[models.PublishStatus]:
        """Return how far TikTok is with a post. May be repeated."""


class ChunkUploader(Protocol):
    """TikTok's upload hosts. Blocking: called in a thread."""

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


class MediaSource(Protocol):
    """Where the bytes come from. Blocking: called in a thread."""

    def probe(self, url: str) -> ProbedSource | SourceProblem:
        """Check the file at the URL. May be repeated."""

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """Yield the bytes `first` to `last`. Raises `SourceFailed`."""


class UploaderEffects:
    """Carries out the effects of posts. Each may be cut off at any point; the next owner requests it again."""

    def __init__(
        self,
        *,
        tiktok: TikTokPostApi,
        chunks: ChunkUploader,
        sources: MediaSource,
        private_key: X25519PrivateKey,
        threads: Executor,
        clock: Clock,
    ) -> None:
        """Keep the clients. `private_key` opens access tokens from auth and the uploader's own upload URLs."""
        self._tiktok = tiktok
        self._chunks = chunks
        self._sources = sources
        self._private_key = private_key
        self._threads = threads
        self._clock = clock
        self._sent_chunks = SentChunks()
        self._tokens = AccessTokens(service=service.NAME, private_key=private_key, clock=clock)

    async def perform(self, key: StateKey, effect: effects.Effect, views: Views) -> facts.Fact:
        """Carry the effect out once."""
        fact = await self._perform(key, effect, views)
        # Counted here and not at commit: a result that is dropped after a takeover still cost a call.
        metrics.EFFECTS.labels(_EFFECT_KINDS[type(effect)], _RESULT_KINDS[type(fact)]).inc()
        return fact

    async def _perform(self, key: StateKey, effect: effects.Effect, views: Views) -> facts.EffectResult:
        match effect:
            case effects.ProbeSource():
                return await self._in_thread(lambda _stop: self._probe(effect))
            case effects.SendChunk():
                return await self._send_chunk(key, effect)
            case effects.QueryCreator():
                query = self._tiktok.creator_info
                return await self._call(key, effect, views, query, partial(_creator_info_received, effect))
            case effects.InitVideoUpload():
                init = partial(self._init, effect)
                return await self._call(key, effect, views, init, partial(self._init_done, key, effect))
            case effects.QueryStatus():
                status = partial(self._status, effect)
                return await self._call(key, effect, views, status, partial(_status_received, effect))

    async def _call(
        self,
        key: StateKey,
        effect: effects.TikTokCall,
        views: Views,
        call: Callable[[str], Awaitable[results.CallResult[T]]],
        fact_of: Callable[[T], facts.EffectResult],
    ) -> facts.EffectResult:
        """Make a call with the account's access token, and turn its result into a fact.

        `fact_of` is used for a success only. Without a usable token no call is made.
        """
        token = self._tokens.of(key.partition_key, views, tenant=_tenant_required_by(effect))
        if isinstance(token, NoAccessToken):
            return facts.NoCredential(of=effect, version=token.version)
        match await call(token.text):
            case results.Done(value=value):
                return fact_of(value)
            case results.Refused() as refused:
                _log_refusal(key, effect, refused)
                return facts.CallRefused(of=effect, refused=refused, version=token.version)
            case results.NotSent(reason=reason):
                return facts.RequestNotSent(of=effect, reason=reason)
            case results.Unknown(reason=reason):
                return facts.ResultUnknown(of=effect, reason=reason)

    async def _init(self, effect: effects.InitVideoUpload, token: str) -> results.CallResult[models.UploadPermit]:
        return await self._tiktok.init_video(token, _video_post(effect.request), effect.media.plan)

    async def _status(self, effect: effects.QueryStatus, token: str) -> results.CallResult[models.PublishStatus]:
        return await self._tiktok.status(token, effect.publish_id)

    def _init_done(self, key: StateKey, effect: effects.InitVideoUpload, permit: models.UploadPermit) -> facts.InitDone:
        context = _url_context(key, permit.publish_id)
        sealed = seal_for(self._private_key.public_key(), permit.upload_url.encode(), context)
        # Before the result is committed: if it never is, the entry is only unused.
        self._sent_chunks.record_opened(permit.publish_id)
        return facts.InitDone(of=effect, publish_id=permit.publish_id, sealed_url=sealed)

    def _probe(self, effect: effects.ProbeSource) -> facts.ProbeResult:
        match self._sources.probe(effect.url):
            case ProbedSource(size=size, validator=validator, content_type=content_type):
                media = Media(size=size, validator=validator, content_type=content_type)
                return facts.SourceFound(of=effect, media=media)
            case problem:
                return facts.SourceUnusable(of=effect, fault=_source_fault(problem))

    async def _send_chunk(self, key: StateKey, effect: effects.SendChunk) -> facts.ChunkResult:
        """Send one chunk in a thread.

        The order protects the proof that an attempt is dead. First a takeover is committed. Then the URL is opened, and
        a send of the last chunk is counted. Only then can a byte leave.
        """
        publish_id = effect.session.publish_id
        is_last = _is_last_chunk(effect)
        if is_last and not effect.taken_over and not self._sent_chunks.opened_here(publish_id):
            # Another process may have sent the last chunk. Commit the takeover first, so that no process concludes
            # from its own sends alone that the chunk never left.
            return facts.TakenOver(of=effect)
        try:
            url = open_sealed(self._private_key, effect.session.sealed_url, _url_context(key, publish_id)).decode()
        except CannotOpen as error:
            log.warning(
                "upload_url_unreadable", account_id=key.partition_key, post_id=post_id_of(key), fault=str(error)
            )
            # The key was replaced during the upload. Without the URL only status queries are left.
            nothing_sent = self._sent_chunks.nothing_sent(publish_id)
            return facts.UploadUrlUnreadable(of=effect, last_chunk_never_left=nothing_sent)
        if is_last:
            # Before the thread starts: a cancelled task must not leave a send that was never counted.
            self._sent_chunks.record_send(publish_id)
        with metrics.CHUNK_SECONDS.time():
            fact = await self._in_thread(partial(self._put, effect, url))
        if isinstance(fact, facts.ChunkRefused):
            _log_refusal(key, effect, fact.refused)
        return fact

    def _put(self, effect: effects.SendChunk, upload_url: str, stop: threading.Event) -> facts.ChunkResult:
        """Send one chunk and wait for TikTok's answer. Blocking: called in a thread.

        Nothing is retried here: whether a chunk may be sent again is decided from the committed state.
        """
        media, plan = effect.media, effect.media.plan
        first, last = plan.first(effect.chunk), plan.last(effect.chunk)
        body = self._body(effect, first, last)
        try:
            result = self._chunks.put_chunk(
                upload_url,
                first=first,
                last=last,
                total=media.size,
                content_type=media.content_type,
                pieces=body,
                stop=stop,
            )
        except SourceFailed as failed:
            never_left = self._last_chunk_never_left(effect, this_send_aborted=not body.started)
            fault = _source_fault(failed.problem)
            return facts.SourceInterrupted(of=effect, fault=fault, last_chunk_never_left=never_left)
        except UploadUrlExpired as expired:
            # Bytes before this piece may have arrived, so the result is as unknown as after a lost answer.
            return facts.ResultUnknown(of=effect, reason=str(expired))
        return self._chunk_fact(effect, result, sent_bytes=last - first + 1)

    def _chunk_fact(
        self, effect: effects.SendChunk, result: results.ChunkResult, *, sent_bytes: int
    ) -> facts.ChunkResult:
        match result:
            case results.Stored(complete=complete):
                metrics.BYTES.inc(sent_bytes)
                if complete:
                    self._sent_chunks.forget(effect.session.publish_id)
                return facts.ChunkStored(of=effect, complete=complete)
            case results.Refused():
                return facts.ChunkRefused(of=effect, refused=result)
            case results.NotSent(reason=reason):
                self._last_chunk_never_left(effect, this_send_aborted=True)
                return facts.RequestNotSent(of=effect, reason=reason)
            case results.Unknown(reason=reason):
                return facts.ResultUnknown(of=effect, reason=reason)

    def _body(self, effect: effects.SendChunk, first: int, last: int) -> ChunkBody:
        """Return the chunk's bytes, read from the source as they are sent.

        They are never held as a whole.
        """
        url_end = effect.session.opened_at + UPLOAD_URL_LIFETIME
        source = self._sources.read(effect.url, first, last, effect.media.validator)
        # A send that begins after the URL's end is made to get TikTok's refusal, so nothing holds it back.
        return ChunkBody(source=source, until=url_end if self._clock() < url_end else None, clock=self._clock)

    def _last_chunk_never_left(self, effect: effects.SendChunk, *, this_send_aborted: bool) -> bool:
        """Return whether no byte of the attempt's last chunk left from here, after recording how this send ended."""
        publish_id = effect.session.publish_id
        if this_send_aborted and _is_last_chunk(effect):
            self._sent_chunks.record_aborted_before_first_byte(publish_id)
        return self._sent_chunks.nothing_sent(publish_id)

    async def _in_thread(self, work: Callable[[threading.Event], T]) -> T:
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, stop)
        finally:
            # A thread cannot be cancelled. If this task is, the thread sees the event at its next piece.
            stop.set()


def _is_last_chunk(effect: effects.SendChunk) -> bool:
    return effect.chunk == effect.media.plan.count - 1


def _tenant_required_by(effect: effects.TikTokCall) -> str:
    match effect:
        case effects.InitVideoUpload(request=request):
            return request.tenant
        case effects.QueryCreator(tenant=tenant):
            return tenant
        case effects.QueryStatus():
            # Any tenant's token will do: the account may belong to another tenant by now, and whether TikTok has the
            # bytes still has to be asked.
            return ""


def _url_context(key: StateKey, publish_id: str) -> str:
    # Binds the sealed URL to its account and attempt: copied into another state it cannot be opened.
    return f"{key.partition_key}|upload_url|{publish_id}"


def _log_refusal(key: StateKey, effect: effects.Effect, refused: results.Refused) -> None:
    log.warning(
        "tiktok_refused",
        effect=_EFFECT_KINDS[type(effect)].value,
        account_id=key.partition_key,
        post_id=post_id_of(key),
        status=refused.status,
        error_code=refused.code,
        log_id=refused.log_id,
    )


def _creator_info_received(effect: effects.QueryCreator, info: models.CreatorInfo) -> facts.CreatorInfoReceived:
    return facts.CreatorInfoReceived(
        of=effect,
        privacy_levels=info.privacy_level_options,
        comment_disabled=info.comment_disabled,
        duet_disabled=info.duet_disabled,
        stitch_disabled=info.stitch_disabled,
    )


def _status_received(effect: effects.QueryStatus, status: models.PublishStatus) -> facts.StatusReceived:
    return facts.StatusReceived(
        of=effect, status=status.status, fail_reason=status.fail_reason, uploaded_bytes=status.uploaded_bytes
    )


def _source_fault(problem: SourceProblem) -> facts.SourceFault:
    # All other problems stay until a person changes the source or the request.
    temporary = isinstance(problem, TemporarilyUnavailable)
    return facts.SourceFault(reason=failure_reason(problem), message=problem.message, temporary=temporary)


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


_EFFECT_KINDS: dict[type[effects.Effect], EffectKind] = {
    effects.ProbeSource: EffectKind.PROBE,
    effects.QueryCreator: EffectKind.CREATOR,
    effects.InitVideoUpload: EffectKind.INIT,
    effects.SendChunk: EffectKind.CHUNK,
    effects.QueryStatus: EffectKind.STATUS,
}
_RESULT_KINDS: dict[type[facts.EffectResult], ResultKind] = {
    facts.SourceFound: ResultKind.DONE,
    facts.CreatorInfoReceived: ResultKind.DONE,
    facts.InitDone: ResultKind.DONE,
    facts.ChunkStored: ResultKind.DONE,
    facts.StatusReceived: ResultKind.DONE,
    facts.CallRefused: ResultKind.REFUSED,
    facts.ChunkRefused: ResultKind.REFUSED,
    facts.RequestNotSent: ResultKind.NOT_SENT,
    facts.ResultUnknown: ResultKind.UNKNOWN,
    facts.SourceUnusable: ResultKind.SOURCE,
    facts.SourceInterrupted: ResultKind.SOURCE,
    facts.NoCredential: ResultKind.NO_CREDENTIAL,
    facts.UploadUrlUnreadable: ResultKind.UNREADABLE,
    facts.TakenOver: ResultKind.TAKEN_OVER,
}
