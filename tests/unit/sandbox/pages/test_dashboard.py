"""The dashboard in a real browser."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import av
import httpx
import pytest
from av.video.frame import VideoFrame

from harness.chromium import Tab, browsing, find_chromium
from harness.sandbox_client import SandboxClient
from stack.demo.video import Video, make_video
from tiktok_sandbox.model.settings import Delays, Profile, Settings
from tiktok_sandbox.server import Server

HOSTILE: Final = '"><img src=x onerror="document.title = 1"><script>document.title = 2</script>' + "x" * 300


SETTINGS: Final = Settings(
    delays=Delays(processing=0, public=0),
    creators=(Profile(username="demo-creator"), Profile(username="shy", private_account=True)),
)


FITS: Final = "document.documentElement.scrollWidth <= innerWidth"


PLAYABLE: Final = "[...document.querySelectorAll('video')].filter((video) => video.readyState >= 2).length >= 2"


in_browser = pytest.mark.skipif(find_chromium() is None, reason="no Chromium here; dev/chromium.py installs it")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    return make_video(path, at_least=1_000_000, on_progress=lambda _, __: None, seconds_encoded=1)


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[SandboxClient]:
    async with (
        Server(SETTINGS, media_folder=folder) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield await SandboxClient(http, server.context).connect()


async def _post(client: SandboxClient, video: Video, title: str) -> str:
    content = await asyncio.to_thread(video.path.read_bytes)
    return await client.post_video(content, title=title)


@asynccontextmanager
async def _looking(client: SandboxClient) -> AsyncIterator[Tab]:
    program = find_chromium()
    assert program is not None
    async with browsing(program) as tab:
        await tab.set_viewport(width=1280, height=900)
        await tab.go(f"{client.http.base_url}/_sandbox/")
        await tab.until("document.querySelector('#live')?.textContent === 'live'")
        yield tab
        assert tab.errors == []


def _colours(path: Path) -> int:
    """How many colours a picture has."""
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        assert isinstance(frame, VideoFrame)
        pixels = bytes(frame.reformat(format="rgb24").planes[0])
    return len({pixels[at : at + 3] for at in range(0, len(pixels) - 2, 3)})


def _press(label: str) -> str:
    return f"[...document.querySelectorAll('button')].find((each) => each.textContent === '{label}').click()"


WAITING_ROW: Final = "document.querySelector('#webhooks tbody tr')"


async def _policy(client: SandboxClient) -> tuple[str, str]:
    answer = await client.http.get("/_sandbox/")
    return answer.headers["content-security-policy"], answer.text


@in_browser
async def test_dashboard_plays_posted_videos(tmp_path: Path, video: Video) -> None:
    async with _serving(tmp_path / "media") as client:
        await _post(client, video, "A walk by the sea")
        await _post(client, video, HOSTILE)
        await client.open_upload(20_000_000, 10_000_000, 2, title="On its way")
        async with _looking(client) as tab:
            await tab.until(PLAYABLE)
            played = await tab.evaluate(
                "(async () => { const video = document.querySelector('video'); await video.play();"
                " await new Promise((done) => video.requestVideoFrameCallback(done));"
                " return [video.videoWidth, video.videoHeight, video.duration]; })()"
            )
            titles = await tab.evaluate("[...document.querySelectorAll('.card h3')].map((title) => title.textContent)")
            text = await tab.evaluate("document.querySelector('.cards').textContent")
            for name, width, dark in (("wide", 1280, False), ("dark", 1280, True), ("narrow", 390, False)):
                await tab.set_viewport(width=width, height=900, dark=dark)
                assert await tab.evaluate(FITS), name
                await tab.screenshot(tmp_path / f"{name}.png")
            page_title = await tab.evaluate("document.title")

    assert played == [1920, 1080, pytest.approx(video.seconds, abs=0.1)]
    assert titles == ["On its way", HOSTILE, "A walk by the sea"]
    assert page_title == "Sandbox"
    assert video.sha256 in text
    assert all(_colours(tmp_path / f"{name}.png") > 1_000 for name in ("wide", "dark", "narrow"))


@in_browser
async def test_dashboard_buttons_work(tmp_path: Path, video: Video) -> None:
    async with _serving(tmp_path / "media") as client:
        publish_id = await _post(client, video, "to be taken down")
        async with _looking(client) as tab:
            await tab.until("document.querySelector('.card .row button')")
            await tab.evaluate(_press("Take down"))
            await tab.until("document.querySelector('.card').textContent.includes('taken down')")
            await tab.evaluate(_press("Fail the next init"))
            await tab.until("document.querySelectorAll('.rules li').length === 1")
            before = await tab.evaluate("document.querySelector('#clock time').textContent")
            await tab.evaluate(_press("+1 day"))
            await tab.until(f"document.querySelector('#clock time').textContent.slice(0, 6) !== {before[:6]!r}")
            await tab.evaluate("document.querySelector('#rule [name=endpoint]').value = 'status'")
            await tab.evaluate("document.querySelector('#rule [name=action]').value = 'error'")
            await tab.evaluate("document.querySelector('#rule').requestSubmit()")
            await tab.until("document.querySelectorAll('.rules li').length === 2")
            choose = "form.elements.{0}.value = '{1}'; form.dispatchEvent(new Event('change'))"
            await tab.evaluate("form = document.querySelector('#rule')")
            await tab.evaluate(choose.format("endpoint", "webhook"))
            offered = await tab.evaluate(
                "[...form.elements.action.options].filter((each) => !each.disabled).map((each) => each.value)"
            )
            await tab.evaluate(choose.format("action", "delay"))
            asked = await tab.evaluate(
                "[...form.elements].filter((each) => each.name && !each.disabled).map((each) => each.name)"
            )
            await tab.evaluate("form.elements.seconds.value = '90'; form.requestSubmit()")
            await tab.until("document.querySelectorAll('.rules li').length === 3")
            await tab.evaluate(_press("Disconnect"))
            await tab.until("!document.querySelector('.accounts button')")
        [post] = (await client.ledger())["posts"]
        rules = (await client.http.get("/_sandbox/rules")).json()["rules"]

    assert (post["publish_id"], post["taken_down_at"] is not None) == (publish_id, True)
    assert [each["rule"]["endpoint"] for each in rules] == ["video_init", "status", "webhook"]
    assert rules[2]["rule"]["seconds"] == 90
    assert offered == [
        *("hold", "lose_answer", "lose", "duplicate", "delay", "reorder", "wrong_signature", "stale"),
    ]
    assert {"seconds", "event"} <= set(asked)
    assert not {"code", "status", "reason", "bytes_per_second"} & set(asked)


@in_browser
async def test_dashboard_stops_time_and_resends_webhooks(tmp_path: Path) -> None:
    async with _serving(tmp_path / "media") as client, _looking(client) as tab:
        await tab.evaluate(_press("60 times faster"))
        await tab.until("document.querySelector('#clock small').textContent === '60 times faster'")
        await tab.evaluate(_press("Stop time"))
        await tab.until("document.querySelector('#clock small').textContent === 'stopped'")
        client.subscribe()
        await client.post_video(b"bytes")
        await tab.until("document.querySelectorAll('#webhooks tbody tr').length === 2")
        await tab.until(f"{WAITING_ROW}.children[4].textContent === '1'")
        await tab.evaluate(_press("Send again"))
        await tab.until(f"{WAITING_ROW}.children[4].textContent === '2'")
        row = await tab.evaluate(f"[...{WAITING_ROW}.children].slice(1, 4).map((each) => each.textContent)")
        fits = await tab.evaluate(FITS)

    assert row == ["post.publish.publicly_available", "demo-creator", "waiting"]
    assert fits


@in_browser
async def test_dashboard_works_without_a_mouse(tmp_path: Path) -> None:
    async with _serving(tmp_path / "media") as client, _looking(client) as tab:
        names = []
        for _ in range(12):
            for kind in ("keyDown", "keyUp"):
                await tab.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            names.append(await tab.evaluate("document.activeElement.textContent.trim()"))

    assert names[:7] == ["Skip to the posts", "Posts", "Faults", "Calls", "Accounts", "Webhooks", "+1 min"]


async def test_dashboard_loads_nothing_from_other_hosts(client: SandboxClient) -> None:
    policy, page = await _policy(client)

    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http://" not in page
    assert "https://" not in page
    assert not [word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write") if word in page]
