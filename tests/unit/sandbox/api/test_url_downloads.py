"""PULL_FROM_URL: what is downloaded, and how downloads fail."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from harness.file_host import FileHost, file_host
from harness.sandbox_client import NewClient, SandboxClient, error_code
from tiktok_sandbox.api.bearer_calls import BearerCall, answer_call
from tiktok_sandbox.faults.actions import Endpoint
from tiktok_sandbox.model.settings import App, Pulls, Settings
from tiktok_sandbox.runtime.clock import Clock

CONTENT = b"\x00\x00\x00\x20ftypisom" + bytes(range(100))


PICTURE = b"\xff\xd8\xff\xe0" + bytes(40)


HOST = "http://media.example.com"


ALL = "user.info.basic,video.publish,video.upload"


IN_TIME = 10


@pytest.fixture
async def host() -> AsyncIterator[FileHost]:
    async with file_host() as found:
        found.files |= {"/video.mp4": CONTENT, "/1.jpg": PICTURE, "/2.jpg": PICTURE[::-1], "/3.jpg": PICTURE + b"3"}
        yield found


@pytest.fixture
async def downloader(new_client: NewClient, host: FileHost) -> AsyncIterator[SandboxClient]:
    settings = Settings(
        app=App(verified_urls=("example.com",)),
        pulls=Pulls(allow_http=True, resolve={"media.example.com": host.address}),
    )
    client = await (await new_client(settings)).connect(scope=ALL)
    yield client
    await client.context.close()


async def pull(client: SandboxClient, path: str = "/video.mp4", *, inbox: bool = False) -> httpx.Response:
    body = {
        "post_info": {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "a clip"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": HOST + path},
    }
    return await client.call(f"/v2/post/publish/{'inbox/' if inbox else ''}video/init/", body)


def publish_id_of(answer: httpx.Response) -> str:
    data = answer.json()["data"]
    assert list(data) == ["publish_id"]
    return str(data["publish_id"])


async def fetched(client: SandboxClient) -> None:
    """Wait until nothing is being fetched any more."""
    assert await client.context.breakpoints.wait_for(lambda: not client.context.tables.pending_downloads, IN_TIME)


async def data_of(client: SandboxClient, publish_id: str) -> dict[str, object]:
    found: dict[str, object] = (await client.status(publish_id)).json()["data"]
    return found


async def photos(client: SandboxClient, *paths: str, mode: str = "DIRECT_POST") -> httpx.Response:
    body = {
        "media_type": "PHOTO",
        "post_mode": mode,
        "post_info": {"privacy_level": "PUBLIC_TO_EVERYONE", "title": "a picture"},
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_images": [HOST + path for path in paths],
            "photo_cover_index": 0,
        },
    }
    return await client.call("/v2/post/publish/content/init/", body)


async def test_video_is_downloaded_and_posted(downloader: SandboxClient, host: FileHost, clock: Clock) -> None:
    host.silent.add("/video.mp4")
    publish_id = publish_id_of(await pull(downloader))
    publications = downloader.context.tables.publications
    await downloader.context.breakpoints.wait_for(lambda: publications[publish_id].uploaded_bytes > 0, IN_TIME)
    half = await data_of(downloader, publish_id)
    host.resume.set()
    await fetched(downloader)
    clock.advance(1)
    complete = await data_of(downloader, publish_id)
    clock.advance(1)
    [post] = (await downloader.ledger())["posts"]

    assert re.fullmatch(r"v_pub_url~v2\.\d{19}", publish_id)
    assert half == {"status": "PROCESSING_DOWNLOAD", "downloaded_bytes": len(CONTENT) // 2}
    assert complete == {"status": "PUBLISH_COMPLETE", "downloaded_bytes": len(CONTENT)}
    assert (post["username"], post["medium"], post["mode"], post["source"]) == (
        "demo-creator",
        "VIDEO",
        "DIRECT_POST",
        "PULL_FROM_URL",
    )
    assert (post["settings"]["title"], post["files"][0]["size"]) == ("a clip", len(CONTENT))
    assert (post["sha256"], post["bytes"]) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert host.requests == [("/video.mp4", "media.example.com")]


async def test_downloaded_draft_waits_in_the_inbox(downloader: SandboxClient, clock: Clock) -> None:
    publish_id = publish_id_of(await pull(downloader, inbox=True))
    await fetched(downloader)
    clock.advance(1)

    assert publish_id.startswith("v_inbox_url~v2.")
    assert (await data_of(downloader, publish_id))["status"] == "SEND_TO_USER_INBOX"


@pytest.mark.parametrize(
    ("mode", "status"), [("DIRECT_POST", "PUBLISH_COMPLETE"), ("MEDIA_UPLOAD", "SEND_TO_USER_INBOX")]
)
async def test_photos_are_downloaded_one_by_one(
    downloader: SandboxClient, host: FileHost, clock: Clock, mode: str, status: str
) -> None:
    publish_id = publish_id_of(await photos(downloader, "/1.jpg", "/3.jpg", mode=mode))
    await fetched(downloader)
    clock.advance(1)

    data = await data_of(downloader, publish_id)

    assert publish_id.startswith("p_pub_url~v2.")
    assert data == {"status": status, "downloaded_bytes": 2 * len(PICTURE) + 1}
    assert [path for path, _ in host.requests] == ["/1.jpg", "/3.jpg"]
    processing = downloader.context.tables.publications[publish_id].processing
    assert processing is not None
    assert [each.sha256 for each in processing.files] == [
        hashlib.sha256(each).hexdigest() for each in (PICTURE, PICTURE + b"3")
    ]


@pytest.mark.parametrize("status", [301, 302, 307, 403, 404, 500, 206])
async def test_any_status_but_200_fails_the_download(downloader: SandboxClient, host: FileHost, status: int) -> None:
    host.files["/elsewhere.mp4"], host.statuses["/elsewhere.mp4"] = CONTENT, status
    publish_id = publish_id_of(await pull(downloader, "/elsewhere.mp4"))
    await fetched(downloader)

    data = await data_of(downloader, publish_id)

    assert (data["status"], data["fail_reason"]) == ("FAILED", "video_pull_failed")
    assert len(host.requests) == 1


@pytest.mark.parametrize("path", ["/video.mp4", "/empty.mp4"])
async def test_truncated_or_empty_file_fails_the_download(downloader: SandboxClient, host: FileHost, path: str) -> None:
    host.files["/empty.mp4"] = b""
    host.broken.add("/video.mp4")
    publish_id = publish_id_of(await pull(downloader, path))
    await fetched(downloader)

    assert (await data_of(downloader, publish_id))["fail_reason"] == "video_pull_failed"


async def test_missing_photo_fails_the_whole_post(downloader: SandboxClient) -> None:
    publish_id = publish_id_of(await photos(downloader, "/1.jpg", "/9.jpg"))
    await fetched(downloader)

    assert (await data_of(downloader, publish_id))["fail_reason"] == "photo_pull_failed"


async def test_photo_of_another_format_fails_in_processing(
    downloader: SandboxClient, host: FileHost, clock: Clock
) -> None:
    host.files["/1.png"] = b"\x89PNG\r\n\x1a\n" + bytes(20)
    publish_id = publish_id_of(await photos(downloader, "/1.jpg", "/1.png"))
    await fetched(downloader)
    early = await data_of(downloader, publish_id)
    clock.advance(1)

    late = await data_of(downloader, publish_id)

    assert early["status"] == "PROCESSING_DOWNLOAD"
    assert (late["status"], late["fail_reason"]) == ("FAILED", "file_format_check_failed")


async def test_photo_above_twenty_megabytes_fails(downloader: SandboxClient, host: FileHost) -> None:
    host.files["/large.jpg"] = PICTURE + bytes(20_000_001 - len(PICTURE))
    publish_id = publish_id_of(await photos(downloader, "/large.jpg"))
    await fetched(downloader)

    assert (await data_of(downloader, publish_id))["fail_reason"] == "picture_size_check_failed"


async def test_silent_host_fails_the_download_after_an_hour(
    downloader: SandboxClient, host: FileHost, clock: Clock
) -> None:
    host.silent.add("/video.mp4")
    publish_id = publish_id_of(await pull(downloader))
    async with asyncio.timeout(IN_TIME):
        await host.half_sent.wait()
    clock.advance(3_599)
    waiting = (await data_of(downloader, publish_id))["status"]
    clock.advance(1)
    data = await data_of(downloader, publish_id)
    await fetched(downloader)
    host.resume.set()

    assert waiting == "PROCESSING_DOWNLOAD"
    assert (data["status"], data["fail_reason"]) == ("FAILED", "video_pull_failed")
    assert (await data_of(downloader, publish_id))["fail_reason"] == "video_pull_failed"


async def test_running_download_can_be_cancelled(downloader: SandboxClient, host: FileHost) -> None:
    host.silent.add("/video.mp4")
    publish_id = publish_id_of(await pull(downloader))
    cancel = "/v2/post/publish/cancel/"
    unknown = await downloader.call(cancel, {"publish_id": "v_pub_url~v2.1"})

    cancelled = await downloader.call(cancel, {"publish_id": publish_id})
    again = await downloader.call(cancel, {"publish_id": publish_id})
    host.resume.set()
    await fetched(downloader)

    assert error_code(unknown) == "invalid_publish_id"
    assert (cancelled.status_code, list(cancelled.json())) == (200, ["error"])
    assert error_code(cancelled) == "ok"
    assert (again.status_code, error_code(again)) == (400, "publish_not_cancellable")
    assert (await data_of(downloader, publish_id))["fail_reason"] == "publish_cancelled"


@pytest.mark.parametrize("turns", range(6))
async def test_download_cancelled_at_its_start_stays_cancelled(
    downloader: SandboxClient, host: FileHost, turns: int
) -> None:
    host.silent.add("/video.mp4")
    context, now = downloader.context, downloader.context.clock.now()
    body = {"source_info": {"source": "PULL_FROM_URL", "video_url": HOST + "/video.mp4"}}
    begun = BearerCall(endpoint=Endpoint.INBOX_INIT, token=downloader.token, body=json.dumps(body).encode())
    data = answer_call(context.tables, begun, now).body
    assert data is not None
    publish_id = json.loads(json.dumps(data))["data"]["publish_id"]
    context.notify_change()
    for _ in range(turns):
        await asyncio.sleep(0)
    named = json.dumps({"publish_id": publish_id}).encode()
    answer_call(context.tables, BearerCall(endpoint=Endpoint.CANCEL, token=downloader.token, body=named), now)
    context.notify_change()
    for _ in range(10):
        await asyncio.sleep(0)
    assert (await data_of(downloader, publish_id)).get("fail_reason") == "publish_cancelled"


async def test_only_verified_urls_are_downloaded(downloader: SandboxClient, host: FileHost) -> None:
    body = {
        "post_info": {"privacy_level": "PUBLIC_TO_EVERYONE"},
        "source_info": {"source": "PULL_FROM_URL", "video_url": f"http://{host.address}/video.mp4"},
    }
    answer = await downloader.call("/v2/post/publish/video/init/", body)

    assert (answer.status_code, error_code(answer)) == (403, "url_ownership_unverified")
    assert host.requests == []


async def test_rule_can_fail_or_hold_a_download(downloader: SandboxClient, host: FileHost) -> None:
    await downloader.add_rule(endpoint="pull", action="error", code="spam_risk")
    failed = publish_id_of(await pull(downloader))
    await fetched(downloader)
    held = await downloader.add_rule(endpoint="pull", action="hold")
    waiting = publish_id_of(await pull(downloader))
    await downloader.http.get(f"/_sandbox/rules/{held}/wait?holding=1&timeout={IN_TIME}")
    asked = len(host.requests)
    await downloader.http.post(f"/_sandbox/rules/{held}/release")
    await fetched(downloader)

    assert (await data_of(downloader, failed))["fail_reason"] == "spam_risk"
    assert asked == 0
    assert (await data_of(downloader, waiting))["downloaded_bytes"] == len(CONTENT)


async def test_photo_draft_needs_a_recent_app_version(downloader: SandboxClient) -> None:
    profile = {"username": "demo-creator", "app_version": "31.7.9"}
    await downloader.http.post("/_sandbox/creators", json=profile)

    refused = await photos(downloader, "/1.jpg", mode="MEDIA_UPLOAD")

    assert (refused.status_code, error_code(refused)) == (400, "app_version_check_failed")
    assert (await photos(downloader, "/1.jpg")).status_code == 200


async def test_rule_can_slow_down_a_download(downloader: SandboxClient, clock: Clock) -> None:
    await downloader.add_rule(endpoint="pull", action="slow", bytes_per_second=1)
    publish_id = publish_id_of(await pull(downloader))
    publications = downloader.context.tables.publications
    await downloader.context.breakpoints.wait_for(
        lambda: publications[publish_id].uploaded_bytes == len(CONTENT), IN_TIME
    )
    clock.advance(len(CONTENT) - 1)
    early = await downloader.context.breakpoints.wait_for(lambda: not downloader.context.tables.pending_downloads, 0.05)
    clock.advance(1)
    await fetched(downloader)

    assert not early
    assert (await data_of(downloader, publish_id))["status"] == "PROCESSING_DOWNLOAD"
