"""Fields of responses: missing, new, and numbers that must not be rounded."""

import json
from typing import Any

import httpx
import pytest

from tiktok.models import StatusCode, UserInfo
from tiktok.responses import read
from tiktok.results import Done
from tiktok.wire import CreatorInfoWire, StatusWire, UserInfoWire, VideosWire

OK = {"code": "ok", "message": "", "log_id": "L1"}


def answer(status: int, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={"X-Tt-Logid": "H1"})


def test_post_ids_become_strings_digit_by_digit() -> None:
    data = {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7600000000000123457, "7600000000000123458"]}
    result = read(answer(200, {"data": data, "error": OK}), StatusWire)
    assert isinstance(result, Done)
    assert result.value.public_ids == ("7600000000000123457", "7600000000000123458")
    assert result.value.uploaded_bytes is None


@pytest.mark.parametrize("word", ["PROCESSING_REVIEW", "publish_complete"])
def test_new_status_is_unrecognised(word: str) -> None:
    result = read(answer(200, {"data": {"status": word}, "error": OK}), StatusWire)
    assert isinstance(result, Done)
    assert result.value.status is StatusCode.UNRECOGNISED


def test_creator_without_switches_may_do_everything() -> None:
    data = {"privacy_level_options": ["SELF_ONLY"], "creator_nickname": None}
    result = read(answer(200, {"data": data, "error": OK}), CreatorInfoWire)
    assert isinstance(result, Done)
    assert result.value.privacy_level_options == ("SELF_ONLY",)
    assert not result.value.comment_disabled


@pytest.mark.parametrize("data", [{}, {"videos": None}, {"videos": []}])
def test_missing_videos_are_an_empty_result(data: Any) -> None:
    assert read(answer(200, {"data": data, "error": OK}), VideosWire) == Done(())


def test_video_id_is_always_a_string() -> None:
    data = {"videos": [{"id": 7600000000000123457, "view_count": 3}]}
    result = read(answer(200, {"data": data, "error": OK}), VideosWire)
    assert isinstance(result, Done)
    assert (result.value[0].id, result.value[0].view_count, result.value[0].like_count) == (
        "7600000000000123457",
        3,
        0,
    )


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"open_id": "o"}, UserInfo(open_id="o", display_name="", username="", avatar_url="")),
        ({"open_id": "o", "avatar_url": None}, UserInfo(open_id="o", display_name="", username="", avatar_url="")),
        (
            {"open_id": "o", "display_name": "Ann", "username": "ann", "avatar_url": "https://p16.example/a.webp"},
            UserInfo(open_id="o", display_name="Ann", username="ann", avatar_url="https://p16.example/a.webp"),
        ),
    ],
)
def test_missing_fields_of_a_person_are_empty(user: dict[str, Any], expected: UserInfo) -> None:
    assert read(answer(200, {"data": {"user": user}, "error": OK}), UserInfoWire) == Done(expected)
