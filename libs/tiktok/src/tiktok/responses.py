"""Turns HTTP responses into results. The status alone never decides, as TikTok sends errors inside HTTP 200."""

from http import HTTPStatus
from typing import Protocol, TypeVar

import httpx
import msgspec

from tiktok.errors import RATE_LIMIT_EXCEEDED
from tiktok.models import TokenResponse
from tiktok.results import CallResult, Done, NotSent, Refused, Unknown
from tiktok.wire import DataWire, EnvelopeWire, ErrorWire, OAuthErrorWire, TokenResponseWire

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# TikTok's tables have one spelling, its responses the other.
_SAME_CODE = {"invalid_param": "invalid_params"}

# Codes for failures inside TikTok. They may have happened after the work was done.
_SERVER_FAILURES = frozenset({"internal_error", "server_error"})


class Wire(Protocol[T_co]):
    """A decoded response that can be turned into one of our models."""

    def value(self) -> T_co:
        """Return it as a model."""
        ...


def read(response: httpx.Response, wire: type[Wire[T]]) -> CallResult[T]:
    """Return the result in an API response; `wire` is the type of its `data`."""
    log_id = response.headers.get("x-tt-logid", "")
    try:
        error = msgspec.json.decode(response.content, type=EnvelopeWire).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unreadable(response, log_id)
    if failure := _failure(response, error, log_id):
        return failure
    if not response.is_success:
        return Unknown(f"HTTP {response.status_code} with code ok, log id {error.log_id or log_id}")
    try:
        data = msgspec.json.decode(response.content, type=DataWire).data
        return Done(msgspec.json.decode(data, type=wire).value())
    except msgspec.ValidationError as mismatch:
        return Unknown(f"a response of another shape: {mismatch}, log id {error.log_id or log_id}")


def read_token_response(response: httpx.Response) -> CallResult[TokenResponse]:
    """Return the result in a token response. Tokens without an error are a success at any status; all else is none."""
    log_id = response.headers.get("x-tt-logid", "")
    try:
        answer = msgspec.json.decode(response.content, type=OAuthErrorWire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unreadable(response, log_id)
    error = answer.refusal()
    if error is None and answer.access_token:
        return _grant(response, log_id)
    return _failure(response, error or ErrorWire(code="ok"), log_id) or Unknown(
        f"HTTP {response.status_code} without tokens"
    )


def read_revocation(response: httpx.Response) -> CallResult[None]:
    """Return the result of a revoke. No error is a success, even with an empty body; an error is none at any status."""
    log_id = response.headers.get("x-tt-logid", "")
    try:
        answer = msgspec.json.decode(response.content.strip() or b"{}", type=OAuthErrorWire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _unreadable(response, log_id)
    error = answer.refusal()
    if error is not None and error.code not in _SERVER_FAILURES:
        return _refused(response, error, log_id)
    if failure := _failure(response, error or ErrorWire(code="ok"), log_id):
        return failure
    return (
        Done(None)
        if response.is_success
        else Unknown(f"HTTP {response.status_code} with an empty body, log id {log_id}")
    )


def call_without_response(error: httpx.HTTPError) -> NotSent | Unknown:
    """Return the result of a call that failed below HTTP. Only a failed connection proves that nothing was sent."""
    match error:
        case httpx.ConnectError():
            return NotSent(f"no connection: {error}")
        case httpx.ConnectTimeout() | httpx.PoolTimeout() | httpx.UnsupportedProtocol():
            return NotSent(type(error).__name__)
        case httpx.HTTPError():
            # The text of these may quote the request and its tokens, so only the class is named.
            return Unknown(type(error).__name__)


def _grant(response: httpx.Response, log_id: str) -> CallResult[TokenResponse]:
    try:
        return Done(msgspec.json.decode(response.content, type=TokenResponseWire).value())
    except msgspec.ValidationError as mismatch:
        return Unknown(f"tokens of another shape: {mismatch}, log id {log_id}")


def _failure(response: httpx.Response, error: ErrorWire, log_id: str) -> Refused | Unknown | None:
    status, log_id = response.status_code, error.log_id or log_id
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code in _SERVER_FAILURES:
        return Unknown(f"HTTP {status}, code {error.code}, log id {log_id}")
    if error.code not in {"ok", ""}:
        return _refused(response, error, log_id)
    return _throttled(log_id) if status == HTTPStatus.TOO_MANY_REQUESTS else None


def _refused(response: httpx.Response, error: ErrorWire, log_id: str) -> Refused:
    code = _SAME_CODE.get(error.code, error.code)
    return Refused(status=response.status_code, code=code, message=error.message, log_id=error.log_id or log_id)


def _unreadable(response: httpx.Response, log_id: str) -> Refused | Unknown:
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return _throttled(log_id)
    return Unknown(f"HTTP {response.status_code} with a body that is not TikTok's JSON, log id {log_id}")


def _throttled(log_id: str) -> Refused:
    status = HTTPStatus.TOO_MANY_REQUESTS
    return Refused(status=status, code=RATE_LIMIT_EXCEEDED, message="HTTP 429", log_id=log_id)
