"""Asks TikTok what became of a post, and says as a fact what came of asking."""

from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.clock import Clock
from common.security.credentials import AccessTokens, NoAccessToken
from common.streams import StateKey, Views
from publisher_service import facts, metrics, service
from publisher_service.effects import Poll
from publisher_service.fail_reasons import RULINGS
from publisher_service.metrics import PollOutcome
from tiktok import results
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import PublishStatus, StatusCode
from tiktok.results import Done, NotSent, Refused, Unknown

log = structlog.get_logger(__name__)


class StatusSource(Protocol):
    """TikTok, as far as a poll needs it."""

    async def status(self, token: str, publish_id: str) -> results.CallResult[PublishStatus]:
        """Say where TikTok is with a post. May be repeated."""


class PublisherEffects:
    """Carries polls out. Each may be repeated or cut off at any point: it changes nothing anywhere."""

    def __init__(self, *, tiktok: StatusSource, private_key: X25519PrivateKey, clock: Clock) -> None:
        """Take what it works with; `private_key` opens what auth seals to the publisher."""
        self._tiktok = tiktok
        self._tokens = AccessTokens(service=service.NAME, private_key=private_key, clock=clock)

    async def perform(self, key: StateKey, effect: Poll, views: Views) -> facts.Outcome:
        """Ask once."""
        fact = await self._ask(key, effect, views)
        metrics.POLLS.labels(_outcome_of(fact)).inc()
        return fact

    async def _ask(self, key: StateKey, effect: Poll, views: Views) -> facts.Outcome:
        token = self._tokens.of(key.partition_key, views)
        if isinstance(token, NoAccessToken):
            if token.unreadable:
                return facts.StatusUnsettled(attempt=effect.attempt, reason="credential_unreadable")
            return facts.NoCredential(attempt=effect.attempt, version=token.version)
        answer = await self._tiktok.status(token.text, effect.publish_id)
        return _fact_of(answer, attempt=effect.attempt, version=token.version)


def _fact_of(answer: results.CallResult[PublishStatus], *, attempt: int, version: int) -> facts.Outcome:
    match answer:
        case Done(value=status):
            return _fact_of_status(status, attempt)
        case Refused():
            return _fact_of_refusal(answer, attempt=attempt, version=version)
        case NotSent(reason=reason) | Unknown(reason=reason):
            return facts.StatusUnsettled(attempt=attempt, reason=reason)


def _fact_of_status(status: PublishStatus, attempt: int) -> facts.Outcome:
    match status.status:
        case StatusCode.PUBLISH_COMPLETE:
            return facts.Completed(attempt=attempt, video_ids=status.public_ids)
        case StatusCode.FAILED:
            reason = status.fail_reason
            metrics.FAILURES.labels(reason if reason in RULINGS else metrics.UNDOCUMENTED).inc()
            return facts.GivenUp(attempt=attempt, fail_reason=reason)
        case StatusCode.UNRECOGNISED:
            metrics.UNRECOGNISED_STATUSES.inc()
            return facts.StillProcessing(attempt=attempt)
        case StatusCode.PROCESSING_UPLOAD | StatusCode.PROCESSING_DOWNLOAD | StatusCode.SEND_TO_USER_INBOX:
            return facts.StillProcessing(attempt=attempt)


def _fact_of_refusal(refused: Refused, *, attempt: int, version: int) -> facts.Outcome:
    remedy = retry_advice(refused)
    if remedy is RetryAdvice.TOKEN_REJECTED:
        return facts.CredentialRejected(attempt=attempt, version=version, code=refused.code)
    if remedy is RetryAdvice.RECONSENT:
        return facts.NoCredential(attempt=attempt, version=version)
    if remedy is RetryAdvice.RATE_LIMITED:
        return facts.RateLimited(attempt=attempt)
    if remedy is RetryAdvice.TRANSIENT:
        return facts.StatusUnsettled(attempt=attempt, reason=refused.code)
    log.warning("status_refused", error_code=refused.code, log_id=refused.log_id, attempt=attempt)
    return facts.StatusRefused(attempt=attempt, code=refused.code, message=refused.message)


def _outcome_of(fact: facts.Outcome) -> PollOutcome:
    return _OUTCOMES[type(fact)]


_OUTCOMES: dict[type[facts.Outcome], PollOutcome] = {
    facts.StillProcessing: PollOutcome.PROCESSING,
    facts.Completed: PollOutcome.COMPLETE,
    facts.GivenUp: PollOutcome.FAILED,
    facts.StatusRefused: PollOutcome.REFUSED,
    facts.RateLimited: PollOutcome.RATE_LIMITED,
    facts.StatusUnsettled: PollOutcome.UNSETTLED,
    facts.CredentialRejected: PollOutcome.TOKEN_REJECTED,
    facts.NoCredential: PollOutcome.NO_CREDENTIAL,
}
