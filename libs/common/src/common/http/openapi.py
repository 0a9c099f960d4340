"""What an edge's OpenAPI document says about problems: which ones a route answers, and what the frameworks add."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from typing_extensions import override

from common.http.problems import MEMBERS, PROBLEM_MEDIA_TYPE, Code, Schema

Responses = dict[int | str, dict[str, Any]]
"""What FastAPI takes as `responses=`: OpenAPI's response objects by status."""

_CODES: Final = "x-problem-codes"
_HTML: Final = "text/html"
_RAW: Final = "x-read-by-the-route"
_BODY_PROBLEMS: Final = (Code.BAD_REQUEST, Code.BODY_TOO_LARGE)
API_KEY: Final = "ApiKey"
"""The name of the security scheme of whoever calls with an API key."""
BOOTSTRAP_SECRET: Final = "BootstrapSecret"  # noqa: S105 - a name, not a secret
"""The name of the security scheme of operators."""
TIKTOK_SIGNATURE: Final = "TikTokSignature"
"""The name of the security scheme of TikTok's webhooks."""
_BY_SCHEME: Final[Mapping[str, Sequence[Code]]] = {
    API_KEY: (
        Code.API_KEY_MISSING,
        Code.API_KEY_UNKNOWN,
        Code.API_KEY_EXPIRED,
        Code.API_KEY_REVOKED,
        Code.SCOPE_MISSING,
        Code.RATE_LIMITED,
        Code.NOT_READY,
    ),
    BOOTSTRAP_SECRET: (Code.ADMIN_SECRET_WRONG, Code.ADMIN_API_OFF),
    TIKTOK_SIGNATURE: (Code.WEBHOOK_SIGNATURE_WRONG, Code.WEBHOOK_SIGNATURE_STALE, Code.WEBHOOKS_OFF),
}
_SCHEMA: Final[Mapping[str, Any]] = {
    "title": "Problem",
    "description": "Why a request was not answered as asked (RFC 9457). Further members depend on `code`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Names the kind of problem, as `code` does."},
        "title": {"type": "string", "description": "The code in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "enum": [str(code) for code in Code], "description": "For programs; stable."},
        "detail": {"type": "string", "description": "For people: what is wrong and what to do."},
    },
}


_ANY_TEXT: Final = frozenset({"type", "title", "default", "description", "examples"})
"""What a parameter's schema says where every text will do."""


def problems(*codes: Code, pages: Mapping[int, str] | None = None) -> Responses:
    """Document what a route answers beside a success: `responses=problems(Code.UNKNOWN_POST, ...)`.

    `pages` are HTML for people, as status → what it tells them. Name everything of a route in one call: FastAPI lets
    a later answer of the same status replace an earlier one. What comes with every route (faulty input, a body too
    large, a missing API key, a bug) need not be named.
    """
    html = pages or {}
    statuses = sorted({int(code.status) for code in codes} | html.keys())
    return {status: _response(status, codes, html.get(status)) for status in statuses}


def redirect(where: str) -> Responses:
    """Document a redirect (302), to where `where` says."""
    location = {"description": where, "required": True, "schema": {"type": "string", "format": "uri-reference"}}
    return {HTTPStatus.FOUND.value: {"description": where, "headers": {"Location": location}}}


def raw_body(schema: Schema) -> dict[str, Any]:
    """Describe JSON that a route reads by itself: `openapi_extra=raw_body(...)`. It names all of its problems."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}, _RAW: True}}


class DescribedApp(FastAPI):
    """A FastAPI app whose description tells its problem documents in place of FastAPI's own errors."""

    @override
    def openapi(self) -> dict[str, Any]:
        """Build the description; the same object from the second call on."""
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_problems(operation, path)
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for fastapis_own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(fastapis_own, None)
    schemas["Problem"] = _SCHEMA
    return document


def _add_problems(operation: dict[str, Any], path: str) -> None:
    """Add what any route of this kind may answer to what the route says it answers."""
    responses: dict[str, Any] = operation["responses"]
    if _CODES not in responses.get("422", {_CODES: ()}):
        del responses["422"]  # FastAPI's own, told wherever there is a parameter
    added = [Code.INTERNAL_ERROR]
    if _RAW not in operation.get("requestBody", {_RAW: True}):
        added += [Code.INVALID_REQUEST, *_BODY_PROBLEMS]
    if not all(_takes_any_text(parameter) for parameter in operation.get("parameters", ())):
        added.append(Code.INVALID_REQUEST)
    if "{" in path:
        added.append(Code.NOT_FOUND)  # a parameter with a slash in it is another address
    added += [code for need in operation.get("security", ()) for scheme in need for code in _BY_SCHEME[scheme]]
    for status in sorted({str(int(code.status)) for code in added}):
        responses[status] = _with_codes(responses.get(status, {}), int(status), added)


def _takes_any_text(parameter: Mapping[str, Any]) -> bool:
    schema = parameter["schema"]
    may_lack = parameter["in"] == "path" or not parameter.get("required")
    return may_lack and schema.get("type") == "string" and schema.keys() <= _ANY_TEXT


def _with_codes(told: Mapping[str, Any], status: int, codes: Iterable[Code]) -> dict[str, Any]:
    known = [code for code in Code if code in told.get(_CODES, ())]
    html = told.get("content", {}).get(_HTML, {}).get("schema", {}).get("description")
    return _response(status, [*known, *codes], html)


def _response(status: int, codes: Iterable[Code], html: str | None) -> dict[str, Any]:
    these = list(dict.fromkeys(code for code in codes if code.status == status))
    meanings = [f"- `{code}`: {code.meaning}" for code in these]
    headers = _headers(status, these, only_problems=html is None)
    return {
        "description": "\n".join([*meanings, *([] if html is None else [html])]),
        "content": {
            **({PROBLEM_MEDIA_TYPE: {"schema": _schema(status, these)}} if these else {}),
            **({} if html is None else {_HTML: {"schema": {"type": "string", "description": html}}}),
        },
        _CODES: [str(code) for code in these],
        **({"headers": headers} if headers else {}),
    }


def _schema(status: int, codes: Iterable[Code]) -> dict[str, Any]:
    told = {"status": {"const": status}, "code": {"enum": [str(code) for code in codes]}}
    members = {name: schema for code in codes for name, schema in MEMBERS.get(code, {}).items()}
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {**told, **members}},
        ]
    }


def _headers(status: int, codes: Iterable[Code], *, only_problems: bool) -> dict[str, Any]:
    waits = [code.retry_after is not None for code in codes]
    found: dict[str, Any] = {}
    if any(waits):
        found["Retry-After"] = {
            "description": "After how many seconds asking again may help.",
            "required": all(waits) and only_problems,
            "schema": {"type": "integer", "minimum": 0},
        }
    if status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = {"description": "How to authenticate.", "schema": {"type": "string"}}
    return found
