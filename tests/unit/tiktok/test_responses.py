"""Responses become results: done, refused or unknown, never an exception."""

import json
from typing import Any

import httpx
import pytest

from tiktok.errors import RetryAdvice, retry_advice
from tiktok.responses import read, read_revocation, read_token_response
from tiktok.results import Done, Refused, Unknown
from tiktok.wire import UploadPermitWire

OK = {"code": "ok", "message": "", "log_id": "L1"}


TICKET = {"publish_id": "v_pub_file~v2-1.1", "upload_url": "https://upload.example/video/?upload_token=t"}


TOKENS = {
    "open_id": "-000Abc",
    "scope": "user.info.basic,video.publish",
    "access_token": "act.1",
    "expires_in": 7200,
    "refresh_token": "rft.1",
    "refresh_expires_in": 15552000,
    "token_type": "Bearer",
}


def answer(status: int, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"X-Tt-Logid": "H1"})


def error(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "log_id": "L1"}}


def test_read_ok_with_data_is_done() -> None:
    result = read(answer(200, {"data": TICKET, "error": OK}), UploadPermitWire)
    assert isinstance(result, Done)
    assert result.value.publish_id == TICKET["publish_id"]
    assert result.value.upload_url == TICKET["upload_url"]


@pytest.mark.parametrize(
    ("status", "code", "advice"),
    [
        (200, "spam_risk_too_many_posts", RetryAdvice.WAIT_LONG),
        (200, "reached_active_user_cap", RetryAdvice.WAIT_LONG),
        (200, "spam_risk_user_banned_from_posting", RetryAdvice.PERMANENT),
        (400, "invalid_publish_id", RetryAdvice.PERMANENT),
        (400, "scope_permission_missed", RetryAdvice.RECONSENT),
        (401, "access_token_invalid", RetryAdvice.TOKEN_REJECTED),
        (401, "scope_not_authorized", RetryAdvice.RECONSENT),
        (403, "spam_risk_too_many_posts", RetryAdvice.WAIT_LONG),
        (403, "privacy_level_option_mismatch", RetryAdvice.PERMANENT),
        (403, "a_code_from_next_year", RetryAdvice.PERMANENT),
        (429, "rate_limit_exceeded", RetryAdvice.RATE_LIMITED),
    ],
)
def test_read_error_code_is_refused_at_any_status(status: int, code: str, advice: RetryAdvice) -> None:
    result = read(answer(status, error(code, "why")), UploadPermitWire)
    assert result == Refused(status=status, code=code, message="why", log_id="L1")
    assert retry_advice(result) is advice


@pytest.mark.parametrize("spelling", ["invalid_param", "invalid_params"])
def test_read_joins_two_spellings_of_a_code(spelling: str) -> None:
    result = read(answer(400, error(spelling)), UploadPermitWire)
    assert isinstance(result, Refused)
    assert result.code == "invalid_params"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, error("internal_error")),
        (503, b"<html>busy</html>"),
        (502, {"data": TICKET, "error": OK}),
        (200, error("internal_error")),
        (200, b""),
        (200, b"not json"),
        (200, b"\xff\xfe"),
        (200, []),
        (200, {"data": TICKET}),
        (200, {"data": TICKET, "error": "ok"}),
        (200, {"error": OK}),
        (200, {"data": {}, "error": OK}),
        (200, {"data": {"publish_id": "v"}, "error": OK}),
        (200, {"data": {**TICKET, "publish_id": ""}, "error": OK}),
        (302, b""),
        (400, {"data": TICKET, "error": OK}),
        (404, b"<html>no such page</html>"),
    ],
)
def test_read_untrusted_response_is_unknown(status: int, body: Any) -> None:
    assert isinstance(read(answer(status, body), UploadPermitWire), Unknown)


@pytest.mark.parametrize("body", [b"", b"slow down", {"error": OK, "data": TICKET}])
def test_read_429_is_refused_without_a_body(body: Any) -> None:
    result = read(answer(429, body), UploadPermitWire)
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.RATE_LIMITED


@pytest.mark.parametrize("status", [200, 201, 400, 500])
@pytest.mark.parametrize("extra", [{}, {"error": ""}, {"error": None}, {"error": OK}])
def test_tokens_without_error_are_done_at_any_status(status: int, extra: Any) -> None:
    result = read_token_response(answer(status, {**TOKENS, **extra}))
    assert isinstance(result, Done)
    assert result.value.scopes == ("user.info.basic", "video.publish")
    assert (result.value.expires_in, result.value.refresh_expires_in) == (7200, 15552000)


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("tokens", [{}, TOKENS])
def test_oauth_error_is_refused_at_any_status(status: int, tokens: Any) -> None:
    body = {**tokens, "error": "invalid_grant", "error_description": "Authorization code is expired.", "log_id": "L2"}
    result = read_token_response(answer(status, body))
    assert result == Refused(status=status, code="invalid_grant", message="Authorization code is expired.", log_id="L2")
    assert retry_advice(result) is RetryAdvice.RECONSENT


@pytest.mark.parametrize("status", [200, 204])
@pytest.mark.parametrize("body", [b"", b" \n", {}, {"error": ""}, {"data": {}, "error": OK}])
def test_revoke_without_error_is_done(status: int, body: Any) -> None:
    assert read_revocation(answer(status, body)) == Done(None)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_revoke_with_error_is_refused_at_any_status(status: int) -> None:
    body = {"error": "invalid_request", "error_description": "The request parameters are malformed.", "log_id": "L2"}
    assert read_revocation(answer(status, body)) == Refused(
        status=status, code="invalid_request", message="The request parameters are malformed.", log_id="L2"
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"not json"),
        (200, b"\xff\xfe"),
        (200, []),
        (200, b"null"),
        (200, {"error": 7}),
        (200, {"error": "server_error"}),
        (200, error("internal_error")),
        (302, b""),
        (404, b"<html>no such page</html>"),
        (404, {}),
        (500, b""),
        (502, {"error": OK}),
        (503, {"error": "server_error"}),
    ],
)
def test_revoke_with_untrusted_response_is_unknown(status: int, body: Any) -> None:
    assert isinstance(read_revocation(answer(status, body)), Unknown)


@pytest.mark.parametrize("body", [b"", {}, b"slow down"])
def test_revoke_429_is_refused(body: Any) -> None:
    result = read_revocation(answer(429, body))
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.RATE_LIMITED


def test_oauth_error_in_common_envelope_is_read() -> None:
    result = read_token_response(answer(429, error("rate_limit_exceeded")))
    assert isinstance(result, Refused)
    assert retry_advice(result) is RetryAdvice.RATE_LIMITED


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, b""),
        (200, {"access_token": ""}),
        (200, {**TOKENS, "refresh_token": None}),
        (200, {**TOKENS, "expires_in": 0}),
        (200, {**TOKENS, "access_token": "act\r\nX: y"}),
        (200, {"error": "server_error"}),
        (500, {"error": "invalid_grant"}),
        (502, b"bad gateway"),
    ],
)
def test_incomplete_tokens_are_unknown(status: int, body: Any) -> None:
    assert isinstance(read_token_response(answer(status, body)), Unknown)


def test_reprs_and_reasons_hide_secrets() -> None:
    grant = read_token_response(answer(200, TOKENS))
    permit = read(answer(200, {"data": TICKET, "error": OK}), UploadPermitWire)
    broken = read_token_response(answer(200, {**TOKENS, "expires_in": 0}))
    for text in (repr(grant), repr(permit), repr(broken)):
        assert "act.1" not in text
        assert "rft.1" not in text
        assert "upload_token" not in text
