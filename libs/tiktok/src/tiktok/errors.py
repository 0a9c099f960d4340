"""What goes wrong with TikTok, and what helps.

TikTokError
├── SizeRefused        a file that no upload plan exists for
├── TooManyVideoIds    one query cannot ask for so many
└── VerifierRefused    random bytes that make no PKCE verifier

What TikTok answers is a value (`tiktok.outcomes`), not an exception; `remedy_of` sorts its refusals.
"""

from enum import StrEnum
from http import HTTPStatus

from tiktok.limits import MAX_VIDEO_BYTES, VERIFIER_MAX_CHARACTERS, VERIFIER_MIN_CHARACTERS, VIDEO_IDS_PER_QUERY
from tiktok.outcomes import Refused


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


class Remedy(StrEnum):
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
    "access_token_invalid": Remedy.TOKEN_REJECTED,
    "scope_not_authorized": Remedy.RECONSENT,
    "scope_permission_missed": Remedy.RECONSENT,
    "invalid_grant": Remedy.RECONSENT,
    "auth_removed": Remedy.RECONSENT,
    RATE_LIMIT_EXCEEDED: Remedy.RATE_LIMITED,
    "spam_risk_too_many_posts": Remedy.WAIT_LONG,
    "spam_risk_too_many_pending_share": Remedy.WAIT_LONG,
    "reached_active_user_cap": Remedy.WAIT_LONG,
    "server_error": Remedy.TRANSIENT,
    "temporarily_unavailable": Remedy.TRANSIENT,
    UPLOAD_URL_EXPIRED: Remedy.NEW_UPLOAD,
    UPLOAD_UNKNOWN: Remedy.NEW_UPLOAD,
    UPLOAD_OUT_OF_STEP: Remedy.RESYNC,
    "invalid_client": Remedy.MISCONFIGURED,
    "invalid_request": Remedy.MISCONFIGURED,
    "invalid_scope": Remedy.MISCONFIGURED,
    "unauthorized_client": Remedy.MISCONFIGURED,
    "unsupported_grant_type": Remedy.MISCONFIGURED,
    "unsupported_response_type": Remedy.MISCONFIGURED,
    UPLOAD_HOST_NOT_ALLOWED: Remedy.MISCONFIGURED,
}


def remedy_of(refused: Refused) -> Remedy:
    """What helps. A code nobody has seen before is permanent: repeating it would not change the answer.

    HTTP 429 is about the pace, whatever the code beside it; no grant ends by it.
    """
    remedy = _REMEDIES.get(refused.code, Remedy.PERMANENT)
    if refused.status == HTTPStatus.TOO_MANY_REQUESTS and remedy is not Remedy.WAIT_LONG:
        return Remedy.RATE_LIMITED
    return remedy
