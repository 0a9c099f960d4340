"""Describes problem documents in an edge's OpenAPI document, in place of FastAPI's own errors."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from typing_extensions import override

from common.http.problems import MEMBERS, PROBLEM_MEDIA_TYPE, Code, Schema

Responses = dict[int | str, dict[str, Any]]
"""The type of FastAPI's `responses=`: OpenAPI's response objects by status."""

_CODES: Final = "x-problem-codes"
"""Extension of a response: its codes. It also marks the responses that are ours, not FastAPI's."""
_HTML: Final = "text/html"
_RAW: Final = "x-read-by-the-route"
"""Mark of a body that the route reads by itself."""
_BODY_PROBLEMS: Final = (Code.BAD_REQUEST, Code.BODY_TOO_LARGE)
"""What can go wrong with any body while it is read, before a field is checked."""
API_KEY: Final = "ApiKey"
"""The name of the security scheme of callers with an API key."""
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
    "description": "Why a request failed (RFC 9457). Further members depend on `code`.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The code as a URN."},
        "title": {"type": "string", "description": "The code in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {
            "type": "string",
            "enum": [str(code) for code in Code],
            "description": "For programs; never changes.",
        },
        "detail": {"type": "string", "description": "For people: what happened and what to do."},
    },
}


_ANY_STRING: Final = frozenset({"type", "title", "default", "description", "examples"})
"""Schema keywords that accept any string."""


def problems(*codes: Code, pages: Mapping[int, str] | None = None) -> Responses:
    """Document a route's errors: `responses=problems(Code.UNKNOWN_POST, ...)`.

    `pages` are HTML responses for people, as status → description. Pass everything of a route in one call, because
    FastAPI replaces an earlier response of the same status with a later one. Errors that every route has (invalid
    input, a body too large, a missing API key, a bug) are added by the app.
    """
    html = pages or {}
    statuses = sorted({int(code.status) for code in codes} | html.keys())
    return {status: _response(status, codes, html.get(status)) for status in statuses}


def redirect(target: str) -> Responses:
    """Document a redirect (302). `target` describes where it leads."""
    location = {"description": target, "required": True, "schema": {"type": "string", "format": "uri-reference"}}
    return {HTTPStatus.FOUND.value: {"description": target, "headers": {"Location": location}}}


def raw_body(schema: Schema) -> dict[str, Any]:
    """Document JSON that a route parses by itself: `openapi_extra=raw_body(...)`.

    The app adds no errors of the body to such a route, so the route has to name them itself.
    """
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}, _RAW: True}}


class DescribedApp(FastAPI):
    """A FastAPI app whose OpenAPI document describes problem documents instead of FastAPI's own errors."""

    @override
    def openapi(self) -> dict[str, Any]:
        """Return the document. It is built once."""
        if self.openapi_schema is None:
            self.openapi_schema = _with_problems(super().openapi())
        return self.openapi_schema


def _with_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Replace FastAPI's errors in the document by ours, which are what the app answers with."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_problems(operation, path)
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for fastapis_own in ("HTTPValidationError", "ValidationError"):
        schemas.pop(fastapis_own, None)
    schemas["Problem"] = _SCHEMA
    return document


def _add_problems(operation: dict[str, Any], path: str) -> None:
    """Add the errors that any route of this kind can have to those that the route names."""
    responses: dict[str, Any] = operation["responses"]
    if _CODES not in responses.get("422", {_CODES: ()}):
        del responses["422"]  # FastAPI's own, described wherever there is a parameter
    added = [Code.INTERNAL_ERROR]
    if _RAW not in operation.get("requestBody", {_RAW: True}):
        added += [Code.INVALID_REQUEST, *_BODY_PROBLEMS]
    if not all(_accepts_any_string(parameter) for parameter in operation.get("parameters", ())):
        added.append(Code.INVALID_REQUEST)
    if "{" in path:
        added.append(Code.NOT_FOUND)  # a parameter with a slash in it makes another path
    added += [code for need in operation.get("security", ()) for scheme in need for code in _BY_SCHEME[scheme]]
    for status in sorted({str(int(code.status)) for code in added}):
        responses[status] = _with_codes(responses.get(status, {}), int(status), added)


def _accepts_any_string(parameter: Mapping[str, Any]) -> bool:
    """Return whether no value of the parameter can be invalid, so that a 422 is impossible."""
    schema = parameter["schema"]
    may_lack = parameter["in"] == "path" or not parameter.get("required")
    return may_lack and schema.get("type") == "string" and schema.keys() <= _ANY_STRING


def _with_codes(described: Mapping[str, Any], status: int, codes: Iterable[Code]) -> dict[str, Any]:
    """Add codes to a described response. Its own come first, and its HTML page is kept."""
    known = [code for code in Code if code in described.get(_CODES, ())]
    html = described.get("content", {}).get(_HTML, {}).get("schema", {}).get("description")
    return _response(status, [*known, *codes], html)


def _response(status: int, codes: Iterable[Code], html: str | None) -> dict[str, Any]:
    """Describe one status: its codes with their meanings, and a page for people if there is one."""
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
    """Return the schema of the status's problems, with the further members that their codes have."""
    common = {"status": {"const": status}, "code": {"enum": [str(code) for code in codes]}}
    members = {name: schema for code in codes for name, schema in MEMBERS.get(code, {}).items()}
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"type": "object", "properties": {**common, **members}},
        ]
    }


def _headers(status: int, codes: Iterable[Code], *, only_problems: bool) -> dict[str, Any]:
    """Return the headers of the status. `Retry-After` is only promised if every response has it."""
    waits = [code.retry_after is not None for code in codes]
    found: dict[str, Any] = {}
    if any(waits):
        found["Retry-After"] = {
            "description": "After how many seconds sending the request again may help.",
            "required": all(waits) and only_problems,
            "schema": {"type": "integer", "minimum": 0},
        }
    if status == HTTPStatus.UNAUTHORIZED:
        found["WWW-Authenticate"] = {"description": "How to authenticate.", "schema": {"type": "string"}}
    return found
