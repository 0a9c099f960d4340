"""Stored bytes over HTTP: ranges and media types."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.admin.media_playback import media_type, read_range
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

CONTENT = b"\0\0\0\x18ftypisom" + bytes(range(41))


@asynccontextmanager
async def _keeping(folder: Path, clock: Clock) -> AsyncIterator[SandboxClient]:
    settings = Settings(chunk_limits=SMALL)
    async with (
        Server(settings, clock=clock, media_folder=folder) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield await SandboxClient(http, server.context).connect()


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("", range(10)),
        ("bytes=0-", range(10)),
        ("bytes=2-4", range(2, 5)),
        ("bytes=8-99", range(8, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=10-", None),
        ("bytes=5-4", None),
        ("bytes=-0", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("pages=1-2", None),
    ],
)
def test_range_header_is_read_as_http_defines(asked: str, span: range | None) -> None:
    assert read_range(asked, 10) == span


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftypqt  ", "video/quicktime"),
        (b"\x1a\x45\xdf\xa3rest", "video/webm"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"<html><script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_only_media_files_get_their_media_type(head: bytes, kind: str) -> None:
    assert media_type(head) == kind


async def test_stored_post_can_be_played(tmp_path: Path, clock: Clock) -> None:
    async with _keeping(tmp_path, clock) as client:
        publish_id, url = await client.open_upload(53, 10, 5)
        for first in (0, 10, 20, 30):
            await client.put(url, CONTENT[first : first + 10], first, 53)
        await client.put(url, CONTENT[40:], 40, 53)
        clock.advance(1)
        [post] = (await client.ledger())["posts"]
        where = f"/_sandbox/posts/{post['post_id']}/media"
        whole = await client.http.get(where)
        part = await client.http.get(where, headers={"Range": "bytes=8-14"})
        beyond = await client.http.get(where, headers={"Range": "bytes=53-"})

    assert post["publish_id"] == publish_id
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, CONTENT, "video/mp4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, CONTENT[8:15], "bytes 8-14/53")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */53")
    assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("where", ["1/media", "x/media", "7600000000000000000/media?part=x"])
async def test_unknown_post_has_no_media(tmp_path: Path, clock: Clock, where: str) -> None:
    async with _keeping(tmp_path, clock) as client:
        answer = await client.http.get(f"/_sandbox/posts/{where}")

    assert answer.status_code == 404


async def test_stored_bytes_are_complete_despite_a_body_rule(tmp_path: Path, clock: Clock) -> None:
    async with _keeping(tmp_path, clock) as client:
        _, url = await client.open_upload(53)
        await client.add_rule(endpoint="upload", at="body", action="status", status=503, after_bytes=20)
        broken = await client.put(url, CONTENT, 0, 53)
        whole = await client.put(url, CONTENT, 0, 53)
        clock.advance(1)
        [init] = (await client.ledger())["inits"]

    assert (broken.status_code, whole.status_code) == (503, 201)
    assert init["bytes_read"] >= 53 + 20
