"""The bodies of the three inits, and whose addresses they may name."""

import json

import pytest

from tiktok_sandbox.api.init_requests import InitRequest, is_verified_url, read_init
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.chunk_plan import STRICT
from tiktok_sandbox.model.file_formats import format_error
from tiktok_sandbox.model.publications import Medium

VIDEO = "https://media.example.com/clip.mp4"
PHOTO = "https://media.example.com/picture.jpg"


def read(endpoint: Endpoint, body: object, *, allow_http: bool = False) -> InitRequest | Answer:
    return read_init(endpoint, json.dumps(body).encode(), STRICT, allow_http=allow_http)


def message(outcome: InitRequest | Answer) -> tuple[str, str]:
    assert isinstance(outcome, Answer)
    assert outcome.status == 400
    assert outcome.body is not None
    error = outcome.body["error"]
    assert isinstance(error, dict)
    return error["code"], error["message"]


def photos(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "post_info": {"title": "a picture", "privacy_level": "SELF_ONLY"},
        "source_info": {"source": "PULL_FROM_URL", "photo_images": [PHOTO], "photo_cover_index": 0},
    }
    return {**body, **changes}


def pictures(count: int, cover: int | None = 0, **changes: object) -> dict[str, object]:
    source = {"source": "PULL_FROM_URL", "photo_images": [PHOTO] * count, "photo_cover_index": cover, **changes}
    return photos(source_info=source)


@pytest.mark.parametrize("count", [1, 35])
def test_so_many_photos_make_a_post(count: int) -> None:
    wanted = read(Endpoint.CONTENT_INIT, pictures(count, count - 1))

    assert isinstance(wanted, InitRequest)
    assert (wanted.medium, len(wanted.urls), wanted.cover_index) == (Medium.PHOTO, count, count - 1)


@pytest.mark.parametrize(
    "body",
    [
        pictures(0),
        pictures(36),
        pictures(1, 1),
        pictures(1, -1),
        pictures(1, None),
        pictures(1, source="FILE_UPLOAD"),
        pictures(1, photo_images=["http://media.example.com/picture.jpg"]),
        pictures(1, photo_images=["media.example.com/picture.jpg"]),
        pictures(1, photo_images=["https:///picture.jpg"]),
        pictures(1, photo_images=["https://[picture.jpg"]),
    ],
)
def test_photos_without_a_proper_source_are_refused(body: object) -> None:
    refused = read(Endpoint.CONTENT_INIT, body)

    assert message(refused) == ("invalid_params", "The request source info is empty or incorrect")


@pytest.mark.parametrize("change", [{"media_type": "VIDEO"}, {"post_mode": "DIRECT POST"}, {"post_mode": ""}])
def test_photos_of_another_kind_are_refused(change: dict[str, object]) -> None:
    refused = read(Endpoint.CONTENT_INIT, photos(**change))

    assert message(refused) == ("invalid_params", "Invalid media_type or post_mode")


@pytest.mark.parametrize(
    ("info", "fine"),
    [
        ({"title": "😀" * 45}, True),
        ({"title": "😀" * 45 + "a"}, False),
        ({"description": "😀" * 2_000}, True),
        ({"description": "😀" * 2_000 + "a"}, False),
    ],
)
def test_texts_of_photos_are_measured_in_utf16_units(info: dict[str, object], *, fine: bool) -> None:
    assert isinstance(read(Endpoint.CONTENT_INIT, photos(post_info=info)), InitRequest) is fine


@pytest.mark.parametrize(
    "body",
    [photos(is_aigc=True), photos(post_info={"is_aigc": True})],
)
def test_the_label_for_generated_photos_may_stand_in_either_place(body: object) -> None:
    wanted = read(Endpoint.CONTENT_INIT, body)

    assert isinstance(wanted, InitRequest)
    assert wanted.post_info.is_aigc


def pull(url: str) -> dict[str, object]:
    return {"post_info": {}, "source_info": {"source": "PULL_FROM_URL", "video_url": url}}


@pytest.mark.parametrize("endpoint", [Endpoint.VIDEO_INIT, Endpoint.INBOX_INIT])
@pytest.mark.parametrize("url", ["", "http://media.example.com/clip.mp4", "ftp://media.example.com/clip.mp4"])
def test_a_video_is_fetched_over_https_only(endpoint: Endpoint, url: str) -> None:
    assert message(read(endpoint, pull(url)))[0] == "invalid_params"
    assert isinstance(read(endpoint, pull(VIDEO)), InitRequest)


def test_http_can_be_allowed_for_a_machine_of_ones_own() -> None:
    assert isinstance(read(Endpoint.VIDEO_INIT, pull("http://media.example.com/clip"), allow_http=True), InitRequest)


def test_an_inbox_init_forgets_a_caption() -> None:
    wanted = read(Endpoint.INBOX_INIT, {**pull(VIDEO), "post_info": {"title": "for nobody"}})

    assert isinstance(wanted, InitRequest)
    assert (wanted.post_info.title, wanted.is_draft) == ("", True)


@pytest.mark.parametrize(
    ("verified", "url", "owned"),
    [
        ("example.com", "https://example.com/clip.mp4", True),
        ("example.com", "https://media.example.com:8443/a/clip.mp4?signed=1", True),
        ("example.com", "https://EXAMPLE.com/clip.mp4", True),
        ("example.com", "https://notexample.com/clip.mp4", False),
        ("example.com", "https://example.com.evil.test/clip.mp4", False),
        ("example.com", "https://example.com@evil.test/clip.mp4", False),
        ("media.example.com", "https://example.com/clip.mp4", False),
        ("https://host.test/videos/", "https://host.test/videos/clip.mp4", True),
        ("https://host.test/videos/", "https://host.test/other/clip.mp4", False),
        ("https://host.test/videos/", "https://sub.host.test/videos/clip.mp4", False),
        ("127.0.0.1", "https://127.0.0.1/clip.mp4", False),
        ("https://127.0.0.1/", "https://127.0.0.1/clip.mp4", False),
        ("[::1]", "https://[::1]/clip.mp4", False),
        ("0.0.1", "https://127.0.0.1/clip.mp4", False),
        ("2130706433", "https://2130706433/clip.mp4", False),
    ],
)
def test_what_an_app_has_verified(verified: str, url: str, *, owned: bool) -> None:
    assert is_verified_url((verified,), url) is owned
    assert not is_verified_url((), url)


MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2"
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"


@pytest.mark.parametrize(
    ("head", "usual", "strict"),
    [
        (MP4, True, True),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", True, True),
        (b"\x00\x00\x10\x00moov\x00\x00\x00\x6cmvhd", True, True),
        (WEBM, True, True),
        (WEBM.replace(b"webm", b"matroska"), False, False),
        (b"RIFF\x00\x00\x00\x00AVI LIST", False, False),
        (b"FLV\x01\x05", False, False),
        (b"\x00\x00\x01\xba\x44", False, False),
        (b"\x89PNG\r\n\x1a\n", False, False),
        (b"\xff\xd8\xff\xe0", False, False),
        (b"made up", True, False),
        (b"", True, False),
    ],
)
def test_what_passes_for_a_video(head: bytes, *, usual: bool, strict: bool) -> None:
    assert (format_error(Medium.VIDEO, head, strict=False) == "") is usual
    assert (format_error(Medium.VIDEO, head, strict=True) == "") is strict


@pytest.mark.parametrize(
    ("head", "fine"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", True),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", True),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"GIF89a", False),
        (b"made up", False),
    ],
)
def test_what_passes_for_a_photo(head: bytes, *, fine: bool) -> None:
    assert (format_error(Medium.PHOTO, head, strict=False) == "") is fine
