"""Carries calls for statistics out and returns TikTok's answer as a fact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from analytics_service import facts
from analytics_service.effects import Collect
from analytics_service.metrics import COLLECTIONS, CollectionResult
from common.clock import Clock, UtcDatetime
from common.security.credentials import AccessToken, AccessTokens, NoAccessToken
from common.streams import StateKey, Views
from tiktok import models, results
from tiktok.errors import RetryAdvice, retry_advice

_log = structlog.get_logger(__name__)


class VideoStatsApi(Protocol):
    """The part of TikTok's API that collecting needs."""

    async def query_videos(self, token: str, ids: Sequence[str]) -> results.CallResult[tuple[models.Video, ...]]:
        """Return the statistics of those of the user's videos that are public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyticsEffects:
    """Carries `Collect` out. A call may be repeated or cancelled at any point, because it changes nothing."""

    tiktok: VideoStatsApi
    tokens: AccessTokens
    clock: Clock

    async def perform(self, key: StateKey, effect: Collect, views: Views) -> facts.CollectResult:
        """Ask TikTok once for the statistics of a post's videos."""
        fact = await self._collect(key, effect, views)
        COLLECTIONS.labels(_RESULTS[type(fact)]).inc()
        return fact

    async def _collect(self, key: StateKey, effect: Collect, views: Views) -> facts.CollectResult:
        # The token must serve the post's tenant: the account may belong to another one by now.
        token = self.tokens.of(key.partition_key, views, tenant=effect.tenant)
        if isinstance(token, NoAccessToken):
            return facts.NoCredential(version=token.version)
        answer = await self.tiktok.query_videos(token.text, effect.video_ids)
        # After the call: that is when the statistics were true, and when the call used up its share.
        now = self.clock()
        match answer:
            case results.Done(videos):
                return _fact_of_videos(effect, videos, now)
            case results.Refused():
                return _fact_of_refusal(effect, answer, token, now)
            # No difference here: reading statistics twice changes nothing at TikTok.
            case results.NotSent(reason) | results.Unknown(reason):
                return facts.RetryableFailure(age=effect.age, at=now, reason=reason)


def _fact_of_videos(effect: Collect, videos: Sequence[models.Video], now: UtcDatetime) -> facts.CallResult:
    # An id that was not asked for would be stored as another post's statistics.
    own = tuple(video for video in videos if video.id in effect.video_ids)
    if not own:
        return facts.NotVisible(age=effect.age, at=now)
    return facts.Collected(age=effect.age, at=now, videos=own)


def _fact_of_refusal(
    effect: Collect, refused: results.Refused, token: AccessToken, now: UtcDatetime
) -> facts.CollectResult:
    """Turn a refusal into a fact, by its error code.

    A limit counts as a failure that a retry fixes.
    """
    match retry_advice(refused):
        case RetryAdvice.TOKEN_REJECTED:
            return facts.CredentialRejected(version=token.version, code=refused.code, at=now)
        case RetryAdvice.RECONSENT:
            return facts.NoCredential(version=token.version)
        case RetryAdvice.RATE_LIMITED | RetryAdvice.WAIT_LONG | RetryAdvice.TRANSIENT:
            return facts.RetryableFailure(age=effect.age, at=now, reason=refused.code)
        case RetryAdvice.NEW_UPLOAD | RetryAdvice.RESYNC | RetryAdvice.MISCONFIGURED | RetryAdvice.PERMANENT:
            # An error and not a warning: no retry fixes these, so a person has to look.
            _log.error("collection_refused", error_code=refused.code, log_id=refused.log_id)
            return facts.CollectionRefused(age=effect.age, at=now, code=refused.code)


_RESULTS: dict[type[facts.CollectResult], CollectionResult] = {
    facts.Collected: CollectionResult.COLLECTED,
    facts.NotVisible: CollectionResult.NOT_VISIBLE,
    facts.CollectionRefused: CollectionResult.REFUSED,
    facts.RetryableFailure: CollectionResult.RETRYABLE_FAILURE,
    facts.CredentialRejected: CollectionResult.CREDENTIAL_REJECTED,
    facts.NoCredential: CollectionResult.NO_CREDENTIAL,
}
