"""The catalogue of errors that the HTTP edges answer with. docs/problems.md is generated from it."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, Self

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
Schema = Mapping[str, Any]
"""A JSON Schema."""


class Code(StrEnum):
    """The kind of an error, for programs. A code never changes its meaning and means the same at every edge.

    `status` is its HTTP status. `meaning` states what happened and what to do. `retry_after` is the number of seconds
    after which the same request may succeed, None if waiting does not help.
    """

    status: HTTPStatus
    meaning: str
    retry_after: int | None

    def __new__(cls, code: str, status: HTTPStatus, meaning: str, retry_after: int | None = None) -> Self:
        """Attach the status, the meaning and the pause to a code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.status, member.meaning, member.retry_after = status, meaning, retry_after
        return member

    @property
    def title_text(self) -> str:
        """The code in words: `Unknown account`."""
        return self.value.replace("_", " ").capitalize()

    BAD_REQUEST = (
        "bad_request",
        HTTPStatus.BAD_REQUEST,
        "The request could not be read. Send what the edge's OpenAPI document describes.",
    )
    NOT_FOUND = (
        "not_found",
        HTTPStatus.NOT_FOUND,
        "There is no such path. Check it against the edge's OpenAPI document.",
    )
    METHOD_NOT_ALLOWED = (
        "method_not_allowed",
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The path does not support this method. The header `Allow` names those that it supports.",
    )
    BODY_TOO_LARGE = (
        "body_too_large",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request's body is larger than `limit` bytes. Send a smaller one.",
    )
    INVALID_REQUEST = (
        "invalid_request",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Some fields are missing or invalid; `errors` names each. Correct them and send the request again.",
    )
    INTERNAL_ERROR = (
        "internal_error",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        (
            "Postbus failed because of a bug. The request may or may not have been carried out. Sending it again is "
            "safe if it is idempotent."
        ),
    )
    NOT_READY = (
        "not_ready",
        HTTPStatus.SERVICE_UNAVAILABLE,
        (
            "This process is not ready: it is still reading the data that it needs, or cannot reach Kafka. Send the "
            "request again in a few seconds."
        ),
        2,
    )
    UNHEALTHY = (
        "unhealthy",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "This process has failed; `reasons` names the causes. Restart it.",
    )
    NOT_DURABLE = (
        "not_durable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        (
            "Kafka did not confirm the write in time, so the change may or may not have been made. Send the same "
            "request again with the same ids: it takes effect once."
        ),
        2,
    )
    STORE_UNAVAILABLE = (
        "store_unavailable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database of the read API does not answer. Posting continues. Send the request again in a few seconds.",
        5,
    )

    API_KEY_MISSING = (
        "api_key_missing",
        HTTPStatus.UNAUTHORIZED,
        "The request has no API key. Send `Authorization: Bearer pb_<key id>_<secret>`.",
    )
    API_KEY_UNKNOWN = (
        "api_key_unknown",
        HTTPStatus.UNAUTHORIZED,
        "This API key does not exist. Check that it was copied completely.",
    )
    API_KEY_EXPIRED = (
        "api_key_expired",
        HTTPStatus.UNAUTHORIZED,
        "The API key has expired. Ask the operator for a new one.",
    )
    API_KEY_REVOKED = (
        "api_key_revoked",
        HTTPStatus.UNAUTHORIZED,
        "The API key was revoked. Ask the operator for a new one.",
    )
    SCOPE_MISSING = (
        "scope_missing",
        HTTPStatus.FORBIDDEN,
        "The API key does not have the scope that `scope` names. Use a key that has it.",
    )
    RATE_LIMITED = (
        "rate_limited",
        HTTPStatus.TOO_MANY_REQUESTS,
        "The API key sent more requests than it may. Wait for the seconds in `Retry-After`.",
        1,
    )
    ADMIN_API_OFF = (
        "admin_api_off",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The admin API is off, because it has no secret. The operator has to set AUTH_BOOTSTRAP_SECRET.",
    )
    ADMIN_SECRET_WRONG = (
        "admin_secret_wrong",
        HTTPStatus.UNAUTHORIZED,
        "The admin API's secret is missing or wrong. Send `Authorization: Bearer <secret>`.",
    )

    UNKNOWN_TENANT = ("unknown_tenant", HTTPStatus.NOT_FOUND, "There is no tenant with this id. Create it first.")
    UNKNOWN_KEY = ("unknown_key", HTTPStatus.NOT_FOUND, "There is no API key with this id. Check the id.")
    UNKNOWN_ACCOUNT = (
        "unknown_account",
        HTTPStatus.NOT_FOUND,
        "No account with this id is connected. Connect it first.",
    )
    UNKNOWN_POST = (
        "unknown_post",
        HTTPStatus.NOT_FOUND,
        "There is no post with this id. If it was requested a moment ago, send the request again.",
    )
    AMBIGUOUS_POST = (
        "ambiguous_post",
        HTTPStatus.CONFLICT,
        "Several accounts have a post with this id; `account_ids` names them. Choose one with `account_id`.",
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
            "The return URL does not equal a URL that is registered for the tenant. Every character has to match. "
            "Register it or send a registered one."
        ),
    )
    WEBHOOKS_OFF = (
        "webhooks_off",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Webhooks are refused, because no client secret is set. The operator has to set TIKTOK_CLIENT_SECRET.",
    )
    WEBHOOK_SIGNATURE_WRONG = (
        "webhook_signature_wrong",
        HTTPStatus.UNAUTHORIZED,
        "The webhook has no valid signature, so it was refused. Sign it with the app's client secret.",
    )
    WEBHOOK_SIGNATURE_STALE = (
        "webhook_signature_stale",
        HTTPStatus.UNAUTHORIZED,
        "The webhook's signature is valid but too old, so it was refused. Send the webhook with a new signature.",
    )
    WEBHOOK_OF_ANOTHER_APP = (
        "webhook_of_another_app",
        HTTPStatus.FORBIDDEN,
        "The webhook is for another app. Only those of the app TIKTOK_CLIENT_KEY are accepted.",
    )
    WEBHOOK_UNREADABLE = (
        "webhook_unreadable",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The webhook has a valid signature, but an invalid body; `detail` names the field. Correct it.",
    )


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


MEMBERS: Final[Mapping[Code, Mapping[str, Schema]]] = {
    Code.BODY_TOO_LARGE: {"limit": {"type": "integer", "description": "The largest size of a body in bytes."}},
    Code.INVALID_REQUEST: {
        "errors": {
            "type": "array",
            "description": "Every invalid field.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": _text("The field, such as `body.source.url`."),
                    "code": _text("The kind of fault."),
                    "message": _text("What is wrong."),
                    "value": {"description": "The value that was sent; shortened, and never a secret."},
                    "limit": {"type": "object", "description": "The limit that was exceeded, by its name."},
                },
            },
        }
    },
    Code.NOT_READY: {
        "reasons": {"type": "object", "description": "The causes, by name; only in answers of `/readyz`."}
    },
    Code.UNHEALTHY: {"reasons": {"type": "object", "description": "The causes, by name."}},
    Code.NOT_DURABLE: {"post_id": _text("The post's id, generated or sent. Use it to send the request again.")},
    Code.RATE_LIMITED: {"limit": {"type": "integer", "description": "Requests per minute that the key may send."}},
    Code.SCOPE_MISSING: {"scope": _text("The scope that is required.")},
    Code.UNKNOWN_POST: {
        "post_id": _text("The id in the request."),
        "account_id": {"type": ["string", "null"], "description": "The account in the request, if there is one."},
    },
    Code.AMBIGUOUS_POST: {
        "post_id": _text("The id in the request."),
        "account_ids": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The accounts that have such a post.",
        },
    },
}
"""The further members that a problem of this code may have."""
