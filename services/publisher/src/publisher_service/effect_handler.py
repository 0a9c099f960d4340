"""Carries polls out and returns TikTok's answer as a fact."""

from typing import Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.clock import Clock
from common.security.credentials import AccessTokens, NoAccessToken
from common.streams import StateKey, Views
from publisher_service import facts, metrics, service
from publisher_service.effects import Poll
from publisher_service.fail_reasons import FAIL_REASONS
from tiktok import results
from tiktok.errors import RetryAdvice, retry_advice
from tiktok.models import PublishStatus, StatusCode

_log = structlog.get_logger(__name__)


class StatusApi(Protocol):
    """The part of TikTok's API that a poll needs."""

    async def status(self, token: str, publish_id: str) -> results.CallResult[PublishStatus]:
        """Return where TikTok is with a post. May be repeated."""


class PublisherEffects:
    """Carries polls out.

    A poll may be repeated or cancelled at any point, because it changes nothing at TikTok.
    """

    def __init__(self, *, tiktok: StatusApi, private_key: X25519PrivateKey, clock: Clock) -> None:
        """Take TikTok's client and the private key that opens what auth seals to the publisher."""
        self._tiktok = tiktok
        self._tokens = AccessTokens(service=service.NAME, private_key=private_key, clock=clock)

    async def perform(self, key: StateKey, effect: Poll, views: Views) -> facts.PollResult:
        """Ask TikTok once for the status of the attempt."""
        fact = await self._poll(key, effect, views)
        # Counted here and not at commit: a result that is dropped after a takeover still cost a call.
        metrics.POLLS.labels(_RESULTS[type(fact)]).inc()
        return fact

    async def _poll(self, key: StateKey, effect: Poll, views: Views) -> facts.PollResult:
        # Any tenant's token of the account will do: a status needs no consent of a particular tenant.
        token = self._tokens.of(key.partition_key, views)
        if isinstance(token, NoAccessToken):
            if token.unreadable:
                # The private key here is not the one that auth seals to. A newer token would not help, so the post
                # does not wait for one: it tries again until an operator sets the right key.
                return facts.RetryableFailure(attempt=effect.attempt, reason="credential_unreadable")
            return facts.NoCredential(attempt=effect.attempt, version=token.version)
        answer = await self._tiktok.status(token.text, effect.publish_id)
        return _fact_of(answer, attempt=effect.attempt, version=token.version)


def _fact_of(answer: results.CallResult[PublishStatus], *, attempt: int, version: int) -> facts.PollResult:
    match answer:
        case results.Done(value=status):
            return _fact_of_status(status, attempt)
        case results.Refused():
            return _fact_of_refusal(answer, attempt=attempt, version=version)
        # No difference here: a repeated question changes nothing at TikTok.
        case results.NotSent(reason=reason) | results.Unknown(reason=reason):
            return facts.RetryableFailure(attempt=attempt, reason=reason)


def _fact_of_status(status: PublishStatus, attempt: int) -> facts.PollResult:
    """Turn TikTok's status into a fact.

    A fail reason is counted by its documented name.
    """
    match status.status:
        case StatusCode.PUBLISH_COMPLETE:
            return facts.Completed(attempt=attempt, video_ids=status.public_ids)
        case StatusCode.FAILED:
            reason = status.fail_reason
            metrics.FAILURES.labels(reason if reason in FAIL_REASONS else metrics.UNDOCUMENTED).inc()
            return facts.AttemptFailed(attempt=attempt, fail_reason=reason)
        case StatusCode.UNRECOGNISED:
            # A status that TikTok added since: treating it as an end could publish a wrong verdict.
            metrics.UNRECOGNISED_STATUSES.inc()
            return facts.StillProcessing(attempt=attempt)
        # `SEND_TO_USER_INBOX` belongs to drafts. Postbus makes none, so it is no end of a post.
        case StatusCode.PROCESSING_UPLOAD | StatusCode.PROCESSING_DOWNLOAD | StatusCode.SEND_TO_USER_INBOX:
            return facts.StillProcessing(attempt=attempt)


def _fact_of_refusal(refused: results.Refused, *, attempt: int, version: int) -> facts.PollResult:
    """Turn a refusal into a fact, by its error code.

    Codes that only concern uploads, and codes that no retry fixes, count as a refusal to answer: the status of the post
    is unknown. Five in a row make it unresolved.
    """
    match retry_advice(refused):
        case RetryAdvice.TOKEN_REJECTED:
            return facts.CredentialRejected(attempt=attempt, version=version, code=refused.code)
        # The token is valid and lacks a permission: a refresh does not help, so auth gets no `TokenRejected`.
        case RetryAdvice.RECONSENT:
            return facts.NoCredential(attempt=attempt, version=version)
        case RetryAdvice.RATE_LIMITED:
            return facts.RateLimited(attempt=attempt)
        case RetryAdvice.TRANSIENT:
            return facts.RetryableFailure(attempt=attempt, reason=refused.code)
        case (
            RetryAdvice.WAIT_LONG
            | RetryAdvice.NEW_UPLOAD
            | RetryAdvice.RESYNC
            | RetryAdvice.MISCONFIGURED
            | RetryAdvice.PERMANENT
        ):
            _log.warning("status_refused", error_code=refused.code, log_id=refused.log_id, attempt=attempt)
            return facts.StatusRefused(attempt=attempt, code=refused.code, message=refused.message)


_RESULTS: dict[type[facts.PollResult], metrics.PollResult] = {
    facts.StillProcessing: metrics.PollResult.PROCESSING,
    facts.Completed: metrics.PollResult.COMPLETE,
    facts.AttemptFailed: metrics.PollResult.FAILED,
    facts.StatusRefused: metrics.PollResult.REFUSED,
    facts.RateLimited: metrics.PollResult.RATE_LIMITED,
    facts.RetryableFailure: metrics.PollResult.RETRYABLE_FAILURE,
    facts.CredentialRejected: metrics.PollResult.CREDENTIAL_REJECTED,
    facts.NoCredential: metrics.PollResult.NO_CREDENTIAL,
}
