"""The bodies of the three inits, and verified URLs."""

import json

import pytest

from harness.sandbox_client import SandboxClient, error_code
from harness.sandbox_drafts import INBOX
from tiktok_sandbox.api.init_requests import InitRequest, is_verified_url, read_init
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.chunk_plan import STRICT
from tiktok_sandbox.model.publications import Medium

PHOTO = "https://media.example.com/picture.jpg"


def read(endpoint: Endpoint, body: object, *, allow_http: bool = False) -> InitRequest | Answer:
    return read_init(endpoint, json.dumps(body).encode(), STRICT, allow_http=allow_http)


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


def message(outcome: InitRequest | Answer) -> tuple[str, str]:
    assert isinstance(outcome, Answer)
    assert outcome.status == 400
    assert outcome.body is not None
    error = outcome.body["error"]
    assert isinstance(error, dict)
    return error["code"], error["message"]


VIDEO = "https://media.example.com/clip.mp4"


def pull(url: str) -> dict[str, object]:
    return {"post_info": {}, "source_info": {"source": "PULL_FROM_URL", "video_url": url}}


async def test_draft_without_a_source_is_refused(uploader: SandboxClient) -> None:
    answer = await uploader.call(INBOX, {"post_info": {"title": "a clip"}})

    assert (answer.status_code, error_code(answer)) == (400, "invalid_params")


@pytest.mark.parametrize("count", [1, 35])
def test_photo_count_has_limits(count: int) -> None:
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
def test_photos_with_an_invalid_source_are_refused(body: object) -> None:
    refused = read(Endpoint.CONTENT_INIT, body)

    assert message(refused) == ("invalid_params", "The request source info is empty or incorrect")


@pytest.mark.parametrize("change", [{"media_type": "VIDEO"}, {"post_mode": "DIRECT POST"}, {"post_mode": ""}])
def test_photos_of_another_media_type_or_mode_are_refused(change: dict[str, object]) -> None:
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
def test_photo_texts_are_measured_in_utf16_units(info: dict[str, object], *, fine: bool) -> None:
    assert isinstance(read(Endpoint.CONTENT_INIT, photos(post_info=info)), InitRequest) is fine


@pytest.mark.parametrize(
    "body",
    [photos(is_aigc=True), photos(post_info={"is_aigc": True})],
)
def test_aigc_label_of_photos_may_be_in_either_place(body: object) -> None:
    wanted = read(Endpoint.CONTENT_INIT, body)

    assert isinstance(wanted, InitRequest)
    assert wanted.post_info.is_aigc


@pytest.mark.parametrize("endpoint", [Endpoint.VIDEO_INIT, Endpoint.INBOX_INIT])
@pytest.mark.parametrize("url", ["", "http://media.example.com/clip.mp4", "ftp://media.example.com/clip.mp4"])
def test_video_url_must_be_https(endpoint: Endpoint, url: str) -> None:
    assert message(read(endpoint, pull(url)))[0] == "invalid_params"
    assert isinstance(read(endpoint, pull(VIDEO)), InitRequest)


def test_http_urls_can_be_allowed_by_the_settings() -> None:
    assert isinstance(read(Endpoint.VIDEO_INIT, pull("http://media.example.com/clip"), allow_http=True), InitRequest)


def test_inbox_init_ignores_a_caption() -> None:
    wanted = read(Endpoint.INBOX_INIT, {**pull(VIDEO), "post_info": {"title": "ignored"}})

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
def test_verified_urls_cover_domains_and_prefixes(verified: str, url: str, *, owned: bool) -> None:
    assert is_verified_url((verified,), url) is owned
    assert not is_verified_url((), url)


@pytest.mark.parametrize(("title", "status"), [("😀" * 1_100, 200), ("😀" * 1_100 + "a", 400)])
async def test_title_is_measured_in_utf16_units(connected: SandboxClient, title: str, status: int) -> None:
    assert (await connected.init(5, title=title)).status_code == status
