"""Errors at an HTTP edge as problem documents (RFC 9457), each with a `code` that clients may rely on."""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from common.answer_headers import headers_left
from common.logs import REDACTED, is_secret_name

PROBLEM_MEDIA_TYPE = "application/problem+json"
_LONGEST_VALUE_SHOWN = 200
_LIMITS = ("ge", "gt", "le", "lt", "min_length", "max_length", "pattern", "expected", "multiple_of")


class Problem(HTTPException):
    """An answer that is not what the client asked for. Raise it in a route; the app turns it into a document."""

    def __init__(self, *, status: int, code: str, detail: str, members: Mapping[str, object] | None = None) -> None:
        """`code` is stable and snake_case; `detail` tells a person what to do; `members` are for programs."""
        super().__init__(status_code=status, detail=detail)
        self.code = code
        self.members = dict(members or {})


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a problem document."""
    app.exception_handler(Problem)(_of_problem)
    app.exception_handler(RequestValidationError)(_of_validation)
    app.exception_handler(HTTPException)(_of_http)
    app.exception_handler(HTTPStatus.INTERNAL_SERVER_ERROR)(_of_bug)


def problem_document(
    *, status: int, code: str, detail: str, members: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Build the document. `type` is a name, not an address: the code says it all."""
    return {
        **(members or {}),
        "type": f"urn:postbus:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }


async def _of_problem(_request: Request, error: Problem) -> JSONResponse:
    document = problem_document(
        status=error.status_code, code=error.code, detail=str(error.detail), members=error.members
    )
    return _answer(document)


async def _of_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
    faults = [_fault(fault) for fault in error.errors()]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return _answer(problem_document(status=422, code="invalid_request", detail=detail, members={"errors": faults}))


async def _of_http(_request: Request, error: HTTPException) -> JSONResponse:
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_").replace("-", "_")
    answer = _answer(problem_document(status=error.status_code, code=code, detail=str(error.detail)))
    answer.headers.update(error.headers or {})
    return answer


async def _of_bug(request: Request, _error: Exception) -> JSONResponse:
    # The server logs the exception itself; its text may hold what is not for clients.
    answer = _answer(problem_document(status=500, code="internal_error", detail="Something went wrong on our side."))
    answer.headers.update(headers_left(request.scope))  # this answer passes by the app's middleware
    return answer


def _fault(fault: Mapping[str, Any]) -> dict[str, object]:
    place: Sequence[int | str] = fault["loc"]
    limits = {name: limit for name, limit in fault.get("ctx", {}).items() if name in _LIMITS}
    shown = {"value": _shown(place, fault["input"])} if fault["type"] != "missing" else {}
    return {
        "field": _writable(".".join(str(part) for part in place)),
        "code": fault["type"],
        "message": _writable(fault["msg"]),
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
    if isinstance(value, str):
        return _writable(value[:_LONGEST_VALUE_SHOWN])
    return f"({type(value).__name__})"  # a whole body may hold secrets in its fields


def _writable(text: str) -> str:
    """Escape what UTF-8 cannot write: half a surrogate pair is legal in JSON."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _answer(document: Mapping[str, object]) -> JSONResponse:
    return JSONResponse(document, status_code=int(str(document["status"])), media_type=PROBLEM_MEDIA_TYPE)
