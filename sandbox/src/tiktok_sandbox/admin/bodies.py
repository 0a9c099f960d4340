"""Reads JSON bodies of the admin API, and refuses what cannot be read."""

from typing import TypeVar

import msgspec
from starlette.responses import JSONResponse, Response

Body = TypeVar("Body")


def read_body(body: bytes, body_type: type[Body]) -> Body | Response:
    """Return the decoded body, or a 422 response that says what is wrong with it."""
    try:
        return msgspec.json.decode(body, type=body_type)
    except msgspec.MsgspecError as refused:
        return invalid_request(str(refused))


def invalid_request(why: str) -> Response:
    """Return a 422 response with this text."""
    return JSONResponse({"error": why}, status_code=422)
