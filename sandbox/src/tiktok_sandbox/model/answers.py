"""TikTok's answers as values: envelopes, error codes, HTTP statuses."""

import json
from typing import Final

from msgspec import Struct

# Every code that is missing here has 400.
STATUS_OF_CODE: Final = {
    "access_token_invalid": 401,
    "scope_not_authorized": 401,
    "rate_limit_exceeded": 429,
    "internal_error": 500,
    "spam_risk_too_many_posts": 403,
    "spam_risk_user_banned_from_posting": 403,
    "reached_active_user_cap": 403,
    "unaudited_client_can_only_post_to_private_accounts": 403,
    "url_ownership_unverified": 403,
    "privacy_level_option_mismatch": 403,
    "spam_risk_too_many_pending_share": 403,
    "invalid_client": 401,
}

# For two codes TikTok's message is the address of a guide. A code that is missing here has an empty message.
MESSAGE_OF_CODE: Final = {
    "access_token_invalid": "The access token is invalid or not found in the request.",
    "scope_not_authorized": "The user did not authorize the scope required for completing this request.",
    "rate_limit_exceeded": "The API rate limit was exceeded. Please try again later.",
    "internal_error": "Something is wrong. Please try again later.",
    "unaudited_client_can_only_post_to_private_accounts": (
        "Please review our integration guidelines at https://developers.tiktok.com/doc/content-sharing-guidelines/"
    ),
    "url_ownership_unverified": (
        "Please review our URL ownership verification rules at "
        "https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide/#pull_from_url"
    ),
}


class Answer(Struct, frozen=True, kw_only=True):
    """One HTTP answer. `code` is what the list of calls shows for it."""

    status: int = 200
    body: dict[str, object] | None = None
    headers: dict[str, str] = {}
    code: str = "ok"


def success(data: dict[str, object]) -> Answer:
    """Return success in the envelope of every endpoint but OAuth."""
    return Answer(body={"data": data, "error": {"code": "ok", "message": ""}})


def error(code: str, message: str = "", *, status: int | None = None) -> Answer:
    """Return an error in the envelope.

    It has no `data` at all, as observed on the wire.
    """
    text = message or MESSAGE_OF_CODE.get(code, "")
    found = status if status is not None else STATUS_OF_CODE.get(code, 400)
    return Answer(status=found, body={"error": {"code": code, "message": text}}, code=code)


def oauth_error(error: str, description: str, *, status: int | None = None) -> Answer:
    """Return an OAuth error: a flat object in which `error` is a string."""
    found = status if status is not None else STATUS_OF_CODE.get(error, 400)
    return Answer(status=found, body={"error": error, "error_description": description}, code=error)


def upload_error(status: int, code: str, headers: dict[str, str] | None = None) -> Answer:
    """Return an error of the upload host.

    Clients go by status and headers; the body is for people.
    """
    return Answer(status=status, body={"code": code}, headers=headers or {}, code=code)


def encode(answer: Answer, log_id: str) -> bytes:
    """Return the body as bytes, with the log id at the place this envelope has for it."""
    if answer.body is None:
        return b""
    error = answer.body.get("error")
    if isinstance(error, dict):
        return json.dumps({**answer.body, "error": {**error, "log_id": log_id}}).encode()
    if isinstance(error, str):
        return json.dumps({**answer.body, "log_id": log_id}).encode()
    return json.dumps(answer.body).encode()
