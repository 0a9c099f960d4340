"""What to do about TikTok's refusals, by code and status."""

import json
from typing import Any

import httpx
import pytest

from tiktok.errors import RetryAdvice, retry_advice
from tiktok.responses import read, read_token_response
from tiktok.results import Refused
from tiktok.wire import UploadPermitWire


def answer(status: int, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"X-Tt-Logid": "H1"})


def error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "log_id": "L1"}}


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("access_denied", RetryAdvice.PERMANENT),
        ("invalid_client", RetryAdvice.MISCONFIGURED),
        ("invalid_grant", RetryAdvice.RECONSENT),
        ("invalid_request", RetryAdvice.MISCONFIGURED),
        ("invalid_scope", RetryAdvice.MISCONFIGURED),
        ("temporarily_unavailable", RetryAdvice.TRANSIENT),
        ("unauthorized_client", RetryAdvice.MISCONFIGURED),
        ("unsupported_grant_type", RetryAdvice.MISCONFIGURED),
        ("unsupported_response_type", RetryAdvice.MISCONFIGURED),
    ],
)
def test_oauth_refusals_have_advice(code: str, advice: RetryAdvice) -> None:
    result = read_token_response(answer(400, {"error": code}))
    assert isinstance(result, Refused)
    assert retry_advice(result) is advice
    assert result.log_id == "H1"


@pytest.mark.parametrize("body", [b"", b"slow down", {"error": "invalid_request"}, {"error": "invalid_grant"}, {}])
def test_429_is_rate_limited_with_any_body(body: Any) -> None:
    result = read_token_response(answer(429, body))
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.RATE_LIMITED


def test_too_many_posts_wait_long_at_any_status() -> None:
    result = read(answer(429, error("spam_risk_too_many_posts")), UploadPermitWire)
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.WAIT_LONG
