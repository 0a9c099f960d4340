"""This package's exceptions, and what to do about TikTok's refusals.

TikTokError
├── SizeRefused        a file of this size cannot be uploaded
├── TooManyVideoIds    more ids than one query may hold
└── VerifierRefused    random bytes that do not make a PKCE verifier

An answer of TikTok is a value (`tiktok.results`), not an exception; `retry_advice` sorts its refusals.
"""

from enum import StrEnum
from http import HTTPStatus

from tiktok.limits import MAX_VIDEO_BYTES, VERIFIER_MAX_CHARACTERS, VERIFIER_MIN_CHARACTERS, VIDEO_IDS_PER_QUERY
from tiktok.results import Refused


class TikTokError(Exception):
    """Base of these exceptions: something cannot be sent to TikTok."""


class SizeRefused(TikTokError):
    """TikTok accepts no file of this size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"Wrong size of a video: {size} bytes. TikTok accepts 1 to {MAX_VIDEO_BYTES}.")
        self.size = size


class TooManyVideoIds(TikTokError):
    """More ids than one query may hold."""

    def __init__(self, count: int) -> None:
        super().__init__(f"Wrong number of video ids: {count}. One query takes 1 to {VIDEO_IDS_PER_QUERY}.")
        self.count = count


class VerifierRefused(TikTokError):
    """The random bytes make a verifier that is too short or too long."""

    def __init__(self, characters: int) -> None:
        bounds = f"{VERIFIER_MIN_CHARACTERS} to {VERIFIER_MAX_CHARACTERS}"
        super().__init__(f"Wrong length of a PKCE verifier: {characters} characters. It must have {bounds}.")
        self.characters = characters


class RetryAdvice(StrEnum):
    """What to do about a refusal."""

    TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a advice's name, not a secret
    RECONSENT = "reconsent"
    RATE_LIMITED = "rate_limited"
    WAIT_LONG = "wait_long"
    TRANSIENT = "transient"
    NEW_UPLOAD = "new_upload"
    RESYNC = "resync"
    MISCONFIGURED = "misconfigured"
    PERMANENT = "permanent"


UPLOAD_HOST_NOT_ALLOWED = "upload_host_not_allowed"
UPLOAD_URL_EXPIRED = "upload_url_expired"
UPLOAD_UNKNOWN = "upload_unknown"
UPLOAD_OUT_OF_STEP = "upload_out_of_step"
UPLOAD_REFUSED = "upload_refused"
RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"

_ADVICE = {
    "access_token_invalid": RetryAdvice.TOKEN_REJECTED,
    "scope_not_authorized": RetryAdvice.RECONSENT,
    "scope_permission_missed": RetryAdvice.RECONSENT,
    "invalid_grant": RetryAdvice.RECONSENT,
    "auth_removed": RetryAdvice.RECONSENT,
    RATE_LIMIT_EXCEEDED: RetryAdvice.RATE_LIMITED,
    "spam_risk_too_many_posts": RetryAdvice.WAIT_LONG,
    "spam_risk_too_many_pending_share": RetryAdvice.WAIT_LONG,
    "reached_active_user_cap": RetryAdvice.WAIT_LONG,
    "server_error": RetryAdvice.TRANSIENT,
    "temporarily_unavailable": RetryAdvice.TRANSIENT,
    UPLOAD_URL_EXPIRED: RetryAdvice.NEW_UPLOAD,
    UPLOAD_UNKNOWN: RetryAdvice.NEW_UPLOAD,
    UPLOAD_OUT_OF_STEP: RetryAdvice.RESYNC,
    "invalid_client": RetryAdvice.MISCONFIGURED,
    "invalid_request": RetryAdvice.MISCONFIGURED,
    "invalid_scope": RetryAdvice.MISCONFIGURED,
    "unauthorized_client": RetryAdvice.MISCONFIGURED,
    "unsupported_grant_type": RetryAdvice.MISCONFIGURED,
    "unsupported_response_type": RetryAdvice.MISCONFIGURED,
    UPLOAD_HOST_NOT_ALLOWED: RetryAdvice.MISCONFIGURED,
}


def retry_advice(refused: Refused) -> RetryAdvice:
    """Return what to do about a refusal. An unknown code is permanent: repeating the call would not change the answer.

    HTTP 429 means too many calls, even beside another code; it never means that a grant has ended.
    """
    advice = _ADVICE.get(refused.code, RetryAdvice.PERMANENT)
    if refused.status == HTTPStatus.TOO_MANY_REQUESTS and advice is not RetryAdvice.WAIT_LONG:
        return RetryAdvice.RATE_LIMITED
    return advice
