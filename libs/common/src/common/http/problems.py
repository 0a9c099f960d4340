"""The catalogue of what an HTTP edge may answer instead of what was asked for; docs/problems.md is made from it."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, Self

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
Schema = Mapping[str, Any]
"""A JSON Schema."""


class Code(StrEnum):
    """What went wrong, for programs. A code never changes its meaning and means the same at every edge.

    `status` is its HTTP status, `meaning` says what it is and what to do, `retry_after` after how many seconds asking
    again may help (None where time alone changes nothing).
    """

    status: HTTPStatus
    meaning: str
    retry_after: int | None

    def __new__(cls, code: str, status: HTTPStatus, meaning: str, retry_after: int | None = None) -> Self:
        """Give a code what belongs to it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status, member.meaning, member.retry_after = status, meaning, retry_after
        return member

    @property
    def title_text(self) -> str:
        """The code as a person reads it: `Unknown account`."""
        return self.value.replace("_", " ").capitalize()

    BAD_REQUEST = (
        "bad_request",
        HTTPStatus.BAD_REQUEST,
        "The request could not be read. Send what the edge's OpenAPI document describes.",
    )
    NOT_FOUND = ("not_found", HTTPStatus.NOT_FOUND, "There is no such address here. Check the path.")
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The address does not take this method. The header `Allow` names those it takes.",
    )
    BODY_TOO_LARGE = (
        "body_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request's body is larger than `limit` bytes and was not read further. Send less.",
    )
    INVALID_REQUEST = (
        "invalid_request",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some fields are missing or wrong; `errors` names each. Correct them before asking again.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        (
            "Something went wrong on our side. Whether anything was done is unknown; asking again is safe where the "
            "request is idempotent."
        ),
    )
    NOT_READY = (
        "not_ready",
        HTTPStatus.SERVICE_UNAVAILABLE,
        (
            "This process cannot do its work now: what it has to know is still being read, or is behind. "
            "Ask again in a few seconds."
        ),
        2,
    )
    UNHEALTHY = (
        "unhealthy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "This process has to be restarted; `reasons` says why.",
    )
    NOT_DURABLE = (
        "not_durable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        (
            "Kafka did not confirm the write in time, so what was asked for may be written down or not. Ask the same "
            "again, with the same ids: it is done once."
        ),
        2,
    )
    STORE_UNAVAILABLE = (
        "store_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The store of the read side does not answer. Posting goes on; ask again in a moment.",
        5,
    )

    API_KEY_MISSING = (
        "api_key_missing",
        HTTPStatus.UNAUTHORIZED,
        "The request carries no API key. Send `Authorization: Bearer pb_<key id>_<secret>`.",
    )
    API_KEY_UNKNOWN = (
        "api_key_unknown",
        HTTPStatus.UNAUTHORIZED,
        "No such API key was issued. Check that it was copied whole.",
    )
    API_KEY_EXPIRED = (
        "api_key_expired",
        HTTPStatus.UNAUTHORIZED,
        "The API key has expired. Have a new one issued.",
    )
    API_KEY_REVOKED = (
        "api_key_revoked",
        HTTPStatus.UNAUTHORIZED,
        "The API key was revoked. Have a new one issued.",
    )
    SCOPE_MISSING = (
        "scope_missing",
        HTTPStatus.FORBIDDEN,
        "The API key is not allowed to do this; `scope` names what it lacks. Use a key that has it.",
    )
    RATE_LIMITED = (
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "The API key asks more often than it may. Wait as long as `Retry-After` says.",
        1,
    )
    ADMIN_API_OFF = (
        "admin_api_off",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The admin API has no secret to check callers by, so it lets nobody in. The operator has to set one.",
    )
    ADMIN_SECRET_WRONG = (
        "admin_secret_wrong",
        HTTPStatus.UNAUTHORIZED,
        "The admin API's secret is missing or wrong. Send `Authorization: Bearer <secret>`.",
    )

    UNKNOWN_TENANT = ("unknown_tenant", HTTPStatus.NOT_FOUND, "There is no tenant of this id. Create it first.")
    UNKNOWN_KEY = ("unknown_key", HTTPStatus.NOT_FOUND, "There is no API key of this id.")
    UNKNOWN_ACCOUNT = (
        "unknown_account",
        HTTPStatus.NOT_FOUND,
        "No account of this id is connected. Connect it first.",
    )
    UNKNOWN_POST = (
        "unknown_post",
        HTTPStatus.NOT_FOUND,
        "Nothing is known of a post of this id. If it was just asked for, look again in a moment.",
    )
    AMBIGUOUS_POST = (
        "ambiguous_post",
        HTTPStatus.CONFLICT,
        "Several accounts have a post of this id; `account_ids` names them. Name one as `account_id`.",
    )
    APP_IN_USE = (
        "app_in_use",
        HTTPStatus.CONFLICT,
        (
            "The tenant's TikTok app still has connected accounts, so it cannot be replaced or removed. "
            "Disconnect them first."
        ),
    )
    RETURN_URL_NOT_REGISTERED = (
        "return_url_not_registered",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        (
            "The address to return to is not one the tenant registered, character by character. Register it or name a "
            "registered one."
        ),
    )
    WEBHOOKS_OFF = (
        "webhooks_off",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Webhooks are not taken here: there is no secret to check them by. The operator has to set it.",
    )
    WEBHOOK_SIGNATURE_WRONG = (
        "webhook_signature_wrong",
        HTTPStatus.UNAUTHORIZED,
        "The webhook carries no signature, or not its sender's, so it was not taken.",
    )
    WEBHOOK_SIGNATURE_STALE = (
        "webhook_signature_stale",
        HTTPStatus.UNAUTHORIZED,
        "The webhook's signature is right, but not of this moment, so it was not taken. Sign it anew.",
    )
    WEBHOOK_OF_ANOTHER_APP = (
        "webhook_of_another_app",
        HTTPStatus.FORBIDDEN,
        "The webhook is for another app than the one whose webhooks are taken here.",
    )
    WEBHOOK_UNREADABLE = (
        "webhook_unreadable",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The webhook is signed rightly, but is no notification; `detail` names the field.",
    )


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


MEMBERS: Final[Mapping[Code, Mapping[str, Schema]]] = {
    Code.BODY_TOO_LARGE: {"limit": {"type": "integer", "description": "The most bytes a body may have."}},
    Code.INVALID_REQUEST: {
        "errors": {
            "type": "array",
            "description": "Each fault, by field.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": _text("Where it is, such as `body.source.url`."),
                    "code": _text("What kind of fault it is."),
                    "message": _text("What is wrong."),
                    "value": {"description": "What was sent; shortened, and never a secret."},
                    "limit": {"type": "object", "description": "The limit that was not kept, by its name."},
                },
            },
        }
    },
    Code.NOT_READY: {"reasons": {"type": "object", "description": "What is wrong, by name; from `/readyz` alone."}},
    Code.UNHEALTHY: {"reasons": {"type": "object", "description": "What is wrong, by name."}},
    Code.NOT_DURABLE: {"post_id": _text("The post's key, made for it or sent; ask again with it.")},
    Code.RATE_LIMITED: {"limit": {"type": "integer", "description": "How often the key may ask in a minute."}},
    Code.SCOPE_MISSING: {"scope": _text("The scope that is needed.")},
    Code.UNKNOWN_POST: {
        "post_id": _text("What was asked for."),
        "account_id": {"type": ["string", "null"], "description": "The account that was named, if one was."},
    },
    Code.AMBIGUOUS_POST: {
        "post_id": _text("What was asked for."),
        "account_ids": {"type": "array", "items": {"type": "string"}, "description": "The accounts that have it."},
    },
}
"""What a problem of this code may say beside the members that all have."""
