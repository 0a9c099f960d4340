"""README's first steps: each names the step that is missing, and the post is followed to its end."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fakes.display import RecordingDisplay
from stack import first_steps, state
from stack.demo.errors import PostFailed
from stack.demo.read_api import ReadApi
from stack.errors import NoAccount, NoClip, NotRunning

ANALYTICS = "http://analytics.test"
AT = "2026-01-01T00:00:00Z"


class Analytics:
    """The read API, with one answer per call; the last one repeats."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | None] = []

    async def post(self, _: Request) -> Response:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return JSONResponse({"code": "unknown_post"}, status_code=404) if answer is None else JSONResponse(answer)


def answer(*events: str, sent: int = 0, **details: str) -> dict[str, Any]:
    timeline = [{"type": f"post.{name}", "at": AT, "details": details if name == "failed" else {}} for name in events]
    return {"state": events[-1], "progress": {"bytes_sent": sent, "bytes_total": 100}, "timeline": timeline}


@pytest.fixture
def analytics() -> Analytics:
    return Analytics()


@pytest.fixture
async def api(analytics: Analytics) -> AsyncIterator[ReadApi]:
    transport = httpx.ASGITransport(Starlette(routes=[Route("/v1/posts/{post_id}", analytics.post)]))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as web:
        yield ReadApi(web, ANALYTICS, key="pb_of_acme", account_id="acc_7", post_id="spring-1")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Path]:
    """A folder that looks like a ready stack's; no server answers at its addresses."""
    addresses = dict.fromkeys(("kafka", "media", "auth", "publisher", "analytics"), "http://127.0.0.1:1")
    with state.locked(tmp_path):
        state.write(tmp_path, state.State(pid=1, ready=True, addresses=addresses, ca_file="ca.pem"))
        (tmp_path / "api-key").write_text("pb_of_acme\n")
        (tmp_path / "media").mkdir()
        yield tmp_path


def test_find_stack_returns_addresses_and_key(running: Path) -> None:
    found = first_steps.find_stack(running)
    assert found.api_key == "pb_of_acme"
    assert found.addresses["auth"] == "http://127.0.0.1:1"


def test_find_stack_never_started_raises_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"No stack runs in .*\. Start one with `make up`\."):
        first_steps.find_stack(tmp_path)


def test_find_stack_after_its_end_raises_not_running(tmp_path: Path) -> None:
    state.write(tmp_path, state.State(pid=1, ready=True))
    (tmp_path / "api-key").write_text("pb_of_acme\n")
    with pytest.raises(NotRunning):
        first_steps.find_stack(tmp_path)


def test_make_clip_keeps_the_file_that_is_there(tmp_path: Path) -> None:
    clip = tmp_path / "media" / "clip.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"mine")
    assert first_steps.make_clip(tmp_path, RecordingDisplay()) == clip
    assert clip.read_bytes() == b"mine"


async def test_connect_without_a_stack_raises_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        await first_steps.connect_account(tmp_path, RecordingDisplay())


async def test_post_without_a_clip_names_make_clip(running: Path) -> None:
    with pytest.raises(NoClip, match="make clip"):
        await first_steps.post_clip(running, RecordingDisplay())


async def test_post_without_an_account_names_make_connect(running: Path) -> None:
    (running / "media" / "clip.mp4").write_bytes(b"mine")
    with pytest.raises(NoAccount, match="make connect"):
        await first_steps.post_clip(running, RecordingDisplay())


async def test_follow_shows_each_event_once_until_available(analytics: Analytics, api: ReadApi) -> None:
    analytics.answers = [
        None,
        answer("accepted"),
        answer("accepted", "uploaded", sent=100),
        answer("accepted", "uploaded", "published", "available", sent=100),
    ]
    display = RecordingDisplay()
    post = await first_steps.follow(api, display)
    assert post.state == "available"
    assert [line.split()[0] for line in display.lines] == [
        "post.accepted",
        "post.uploaded",
        "post.published",
        "post.available",
    ]
    assert display.bars == [0, 100, 100]


async def test_follow_failed_post_raises_its_reason(analytics: Analytics, api: ReadApi) -> None:
    analytics.answers = [answer("accepted", "failed", reason="source_unavailable", message="HTTP 404")]
    with pytest.raises(PostFailed, match="source_unavailable: HTTP 404"):
        await first_steps.follow(api, RecordingDisplay())
