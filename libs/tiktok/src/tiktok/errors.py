"""What goes wrong with TikTok, and what helps.

TikTokError
├── SizeRefused        a file that no upload plan exists for
├── TooManyVideoIds    one query cannot ask for so many
└── VerifierRefused    random bytes that make no PKCE verifier

What TikTok answers is a value (`tiktok.results`), not an exception; `retry_advice` sorts its refusals.
"""

from enum import StrEnum
from http import HTTPStatus

from tiktok.limits import MAX_VIDEO_BYTES, VERIFIER_MAX_CHARACTERS, VERIFIER_MIN_CHARACTERS, VIDEO_IDS_PER_QUERY
from tiktok.results import Refused


class TikTokError(Exception):
    """Something was asked for that cannot be sent to TikTok."""


class SizeRefused(TikTokError):
    """TikTok takes no file of this size."""

    def __init__(self, size: int) -> None:
        super().__init__(f"a video has 1 to {MAX_VIDEO_BYTES} bytes, this one has {size}")
        self.size = size


class TooManyVideoIds(TikTokError):
    """More ids than one query may hold."""

    def __init__(self, count: int) -> None:
        super().__init__(f"one query takes 1 to {VIDEO_IDS_PER_QUERY} video ids, not {count}")
        self.count = count


class VerifierRefused(TikTokError):
    """The random bytes make a verifier that is too short or too long."""

    def __init__(self, characters: int) -> None:
        bounds = f"{VERIFIER_MIN_CHARACTERS} to {VERIFIER_MAX_CHARACTERS}"
        super().__init__(f"a PKCE verifier has {bounds} characters, not {characters}")
        self.characters = characters


class RetryAdvice(StrEnum):
    """What helps against a refusal."""

    TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a remedy's name, not a secret
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

_REMEDIES = {
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
    """What helps. A code nobody has seen before is permanent: repeating it would not change the answer.

    HTTP 429 is about the pace, whatever the code beside it; no grant ends by it.
    """
    remedy = _REMEDIES.get(refused.code, RetryAdvice.PERMANENT)
    if refused.status == HTTPStatus.TOO_MANY_REQUESTS and remedy is not RetryAdvice.WAIT_LONG:
        return RetryAdvice.RATE_LIMITED
    return remedy
