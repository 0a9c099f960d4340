"""Asks TikTok for numbers. Every outcome is a fact; asking again costs nothing but a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from analytics_service import facts
from analytics_service.effects import Collect
from analytics_service.metrics import COLLECTIONS, Outcome
from common.clock import Clock, UtcDatetime
from common.security.credentials import AccessToken, AccessTokens, NoAccessToken
from common.streams import StateKey, Views
from tiktok import results
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import Video

log = structlog.get_logger(__name__)


class AnswersAboutVideos(Protocol):
    """What this service asks of TikTok."""

    async def query_videos(self, token: str, ids: Sequence[str]) -> results.CallResult[tuple[Video, ...]]:
        """Return the totals of those of the person's videos that are public."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Carries `Collect` out. Holds no state; cancelling it loses nothing."""

    tiktok: AnswersAboutVideos
    tokens: AccessTokens
    clock: Clock

    async def perform(self, key: StateKey, effect: Collect, views: Views) -> facts.Fact:
        """Ask for the numbers and say what came of it."""
        fact = await self._collect(key, effect, views)
        COLLECTIONS.labels(outcome=_outcome_of(fact)).inc()
        return fact

    async def _collect(self, key: StateKey, effect: Collect, views: Views) -> facts.Fact:
        token = self.tokens.of(key.partition_key, views, tenant=effect.tenant)
        if isinstance(token, NoAccessToken):
            return facts.NoCredential(version=token.version)
        answer = await self.tiktok.query_videos(token.text, effect.video_ids)
        now = self.clock()
        match answer:
            case results.Done(videos):
                return _counted(effect, videos, now)
            case results.Refused():
                return _refused(effect, answer, token, now)
            case results.NotSent(reason) | results.Unknown(reason):
                return facts.Unsettled(age=effect.age, at=now, reason=reason)


def _counted(effect: Collect, videos: Sequence[Video], now: UtcDatetime) -> facts.Fact:
    numbers = tuple(
        facts.Numbers(
            video_id=video.id,
            view_count=video.view_count,
            like_count=video.like_count,
            comment_count=video.comment_count,
            share_count=video.share_count,
            share_url=video.share_url,
        )
        for video in videos
        if video.id in effect.video_ids
    )
    if not numbers:
        return facts.NotListed(age=effect.age, at=now)
    return facts.Collected(age=effect.age, at=now, numbers=numbers)


def _refused(effect: Collect, refused: results.Refused, token: AccessToken, now: UtcDatetime) -> facts.Fact:
    match retry_advice(refused):
        case RetryAdvice.TOKEN_REJECTED:
            return facts.TokenRefused(version=token.version, code=refused.code, at=now)
        case RetryAdvice.RECONSENT:
            return facts.NoCredential(version=token.version)
        case RetryAdvice.RATE_LIMITED | RetryAdvice.WAIT_LONG | RetryAdvice.TRANSIENT:
            return facts.Unsettled(age=effect.age, at=now, reason=refused.code)
        case RetryAdvice.NEW_UPLOAD | RetryAdvice.RESYNC | RetryAdvice.MISCONFIGURED | RetryAdvice.PERMANENT:
            log.error("collecting_refused", error_code=refused.code, log_id=refused.log_id)
            return facts.CollectRefused(age=effect.age, at=now, code=refused.code)


def _outcome_of(fact: facts.Fact) -> Outcome:
    match fact:
        case facts.Collected():
            return Outcome.COLLECTED
        case facts.NotListed():
            return Outcome.NOT_LISTED
        case facts.CollectRefused():
            return Outcome.REFUSED
        case facts.TokenRefused():
            return Outcome.TOKEN_REFUSED
        case facts.NoCredential():
            return Outcome.NO_CREDENTIAL
        case _:
            return Outcome.UNSETTLED
