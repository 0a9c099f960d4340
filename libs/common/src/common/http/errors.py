"""Errors at an HTTP edge as problem documents (RFC 9457), each with a `code` that clients may rely on."""

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
_WITHOUT_VALUE = ("missing", "extra_forbidden")
"""Kinds of faults whose value says nothing; that of a misspelt field may be a secret."""
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "expected", "multiple_of")


class Problem(HTTPException):
    """An answer that is not what the client asked for. Raise it in a route; the app turns it into a document."""

    def __init__(
        self,
        code: Code,
        detail: str | None = None,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Say what it is. `detail` tells a person what to do, where this case allows saying more than the catalogue.

        `members` are for programs; which ones there are is the catalogue's to say. `headers` go before the
        `Retry-After` of the catalogue.
        """
        super().__init__(
            status_code=code.status, detail=detail or code.meaning, headers={**_retry_after(code), **(headers or {})}
        )
        self.code = code
        self.members = dict(members or {})


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.exception_handler(Problem)(_of_problem)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_http)
    app.exception_handler(HTTPStatus.INTERNAL_SERVER_ERROR)(_of_bug)


def problem_response(problem: Problem) -> JSONResponse:
    """Write the answer. `type` is a name, not an address: the code says it all."""
    document = {
        **problem.members,
        "type": f"urn:postbus:problem:{problem.code}",
        "title": problem.code.in_words,
        "status": int(problem.code.status),
        "code": str(problem.code),
        "detail": problem.detail,
    }
    return JSONResponse(
        document, status_code=problem.status_code, media_type=PROBLEM_MEDIA_TYPE, headers=problem.headers
    )


async def _of_problem(_request: Request, error: Problem) -> JSONResponse:
    return problem_response(error)


async def _of_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
    faults = [_fault(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return problem_response(Problem(Code.INVALID_REQUEST, detail, members={"errors": faults}))


async def _of_http(request: Request, error: HTTPException) -> JSONResponse:
    """Answer what the frameworks raise: of all codes, these are theirs."""
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            code = Code.NOT_FOUND
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return problem_response(Problem(Code.METHOD_NOT_ALLOWED, headers={"Allow": _methods_at(request)}))
        case status:
            code = Code.BAD_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else Code.INTERNAL_ERROR
    return problem_response(Problem(code, headers=error.headers))


def _methods_at(request: Request) -> str:
    """Name the methods this address takes. Starlette names those of the first route that has the address."""
    asked = ({**request.scope, "method": method} for method in HTTPMethod)
    return ", ".join(
        scope["method"]
        for scope in asked
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
    )


async def _of_bug(request: Request, _error: Exception) -> JSONResponse:
    # The server logs the exception itself; its text may hold what is not for clients.
    answer = problem_response(Problem(Code.INTERNAL_ERROR))
    answer.headers.update(response_headers(request.scope))  # this answer passes by the app's middleware
    return answer


def _retry_after(code: Code) -> Mapping[str, str]:
    return {} if code.retry_after is None else {"Retry-After": str(code.retry_after)}


def _fault(fault: Mapping[str, Any]) -> dict[str, object]:
    place: Sequence[int | str] = fault["loc"]
    limits = {name: limit for name, limit in fault.get("ctx", {}).items() if name in _LIMITS}
    shown = {} if fault["type"] in _WITHOUT_VALUE else {"value": _shown(place, fault["input"])}
    return {
        "field": _repeatable(".".join(str(part) for part in place)),
        "code": fault["type"],
        "message": _repeatable(fault["msg"]),
        **shown,
        **({"limit": limits} if limits else {}),
    }


def _shown(place: Sequence[int | str], value: object) -> object:
    if any(isinstance(part, str) and is_secret_name(part) for part in place):
        return REDACTED
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no number for it
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str) and len(place) > 1:
        return _repeatable(value[:_LONGEST_VALUE_SHOWN])
    return f"({type(value).__name__})"  # a whole body may hold secrets


def _repeatable(text: str) -> str:
    """Hide what may be a secret, and escape what UTF-8 cannot write: half a surrogate pair is legal in JSON."""
    return redact(text).encode("utf-8", "backslashreplace").decode("utf-8")
