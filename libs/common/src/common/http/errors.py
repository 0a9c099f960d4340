"""Answers every error of an HTTP edge with a problem document (RFC 9457) that has a stable `code`."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from common.http.problems import PROBLEM_MEDIA_TYPE, Code
from common.http.response_headers import response_headers
from common.service.logs import is_secret_name
from common.service.redaction import REDACTED, redact

_LONGEST_VALUE_SHOWN = 200
"""Characters of a wrong value that a response repeats."""
_WITHOUT_VALUE = ("missing", "extra_forbidden")
"""Kinds of faults whose value is not shown: there is none, or a misspelt field may hold a secret."""
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "expected", "multiple_of")


class Problem(HTTPException):
    """An error response. Raise it in a route; the app turns it into a problem document."""

    def __init__(
        self,
        code: Code,
        detail: str | None = None,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`detail` is for people and replaces the catalogue's meaning where this case allows more exact words.

        `members` are for programs and must be those of the catalogue. `headers` override the catalogue's
        `Retry-After`.
        """
        super().__init__(
            status_code=code.status, detail=detail or code.meaning, headers={**_retry_after(code), **(headers or {})}
        )
        self.code = code
        self.members = dict(members or {})


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.exception_handler(Problem)(_answer_problem)
    app.exception_handler(RequestValidationError)(_answer_validation_error)
    app.exception_handler(HTTPException)(_answer_framework_error)
    app.exception_handler(HTTPStatus.INTERNAL_SERVER_ERROR)(_answer_bug)


def problem_response(problem: Problem) -> JSONResponse:
    """Return the problem document. Its `type` is a URN, because `code` alone identifies the problem."""
    document = {
        **problem.members,
        "type": f"urn:postbus:problem:{problem.code}",
        "title": problem.code.title_text,
        "status": int(problem.code.status),
        "code": str(problem.code),
        "detail": problem.detail,
    }
    return JSONResponse(
        document, status_code=problem.status_code, media_type=PROBLEM_MEDIA_TYPE, headers=problem.headers
    )


async def _answer_problem(_request: Request, error: Problem) -> JSONResponse:
    return problem_response(error)


async def _answer_validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
    """Name every wrong field at once, so that a client needs one correction and not one per field."""
    faults = [_fault(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return problem_response(Problem(Code.INVALID_REQUEST, detail, members={"errors": faults}))


async def _answer_framework_error(request: Request, error: HTTPException) -> JSONResponse:
    """Answer what Starlette and FastAPI raise by themselves."""
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            code = Code.NOT_FOUND
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return problem_response(Problem(Code.METHOD_NOT_ALLOWED, headers={"Allow": _methods_at(request)}))
        case status:
            code = Code.BAD_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else Code.INTERNAL_ERROR
    return problem_response(Problem(code, headers=error.headers))


def _methods_at(request: Request) -> str:
    """Return the methods that any route of this path supports. Starlette looks at the first such route only."""
    asked = ({**request.scope, "method": method} for method in HTTPMethod)
    return ", ".join(
        scope["method"]
        for scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
    )


async def _answer_bug(request: Request, _error: Exception) -> JSONResponse:
    """Answer 500 without any detail of the exception."""
    # The server logs the exception. Its text may contain what clients must not see.
    answer = problem_response(Problem(Code.INTERNAL_ERROR))
    answer.headers.update(response_headers(request.scope))  # this response bypasses the middleware
    return answer


def _retry_after(code: Code) -> Mapping[str, str]:
    """Return the header with the seconds of the catalogue, none if a repetition does not help."""
    return {} if code.retry_after is None else {"Retry-After": str(code.retry_after)}


def _fault(fault: Mapping[str, Any]) -> dict[str, object]:
    """Return one fault: its field, pydantic's code, a message, and the value and limits where they help."""
    place: Sequence[int | str] = fault["loc"]
    limits = {name: limit for name, limit in fault.get("ctx", {}).items() if name in _LIMITS}
    shown = {} if fault["type"] in _WITHOUT_VALUE else {"value": _shown(place, fault["input"])}
    return {
        "field": _safe_to_repeat(".".join(str(part) for part in place)),
        "code": fault["type"],
        "message": _safe_to_repeat(fault["msg"]),
        **shown,
        **({"limit": limits} if limits else {}),
    }


def _shown(place: Sequence[int | str], value: object) -> object:
    """Return a value as far as it may be repeated: never a secret, never a whole body."""
    if any(isinstance(part, str) and is_secret_name(part) for part in place):
        return REDACTED
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON cannot represent it
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and len(place) > 1:
        return _safe_to_repeat(value[:_LONGEST_VALUE_SHOWN])
    return f"({type(value).__name__})"  # a whole body may contain secrets


def _safe_to_repeat(text: str) -> str:
    """Hide possible secrets, and escape what UTF-8 cannot encode: a lone surrogate is legal in JSON."""
    return redact(text).encode("utf-8", "backslashreplace").decode("utf-8")
