"""Answers as bytes: where the log id stands in each envelope."""

import json

import pytest

from tiktok_sandbox.model.answers import Answer, encode, error, oauth_error, success, upload_error


def test_error_has_tiktoks_status_and_message_for_its_code() -> None:
    answer = error("access_token_invalid")

    assert (answer.status, answer.code) == (401, "access_token_invalid")
    assert answer.body is not None
    assert "data" not in answer.body


def test_error_with_an_unknown_code_has_status_400() -> None:
    assert error("something_new").status == 400


@pytest.mark.parametrize("answer", [success({"a": 1}), error("invalid_params")])
def test_envelope_has_the_log_id_in_its_error(answer: Answer) -> None:
    assert json.loads(encode(answer, "the-log-id"))["error"]["log_id"] == "the-log-id"


def test_oauth_error_has_the_log_id_at_the_top() -> None:
    body = json.loads(encode(oauth_error("invalid_grant", "Expired."), "the-log-id"))

    assert body == {"error": "invalid_grant", "error_description": "Expired.", "log_id": "the-log-id"}


def test_upload_error_has_no_log_id() -> None:
    assert json.loads(encode(upload_error(404, "upload_not_found"), "the-log-id")) == {"code": "upload_not_found"}


def test_answer_without_a_body_is_empty() -> None:
    assert encode(Answer(status=201), "the-log-id") == b""
