"""What is kept of uploads: exactly the stored bytes, within a budget, readable by ranges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from harness.sandbox_client import SMALL, Visitor
from tiktok_sandbox.admin.media_playback import media_type, read_range
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.runtime.media_store import MediaStore
from tiktok_sandbox.server import Server

CONTENT = b"\0\0\0\x18ftypisom" + bytes(range(41))


def _keep(media: MediaStore, publish_id: str, *chunks: bytes, part: int = 0) -> None:
    first = 0
    for chunk in chunks:
        taking = media.open_chunk(publish_id, first, part)
        taking.write(chunk)
        taking.commit()
        first += len(chunk)


def _everything(media: MediaStore, publish_id: str, part: int = 0) -> bytes:
    return b"".join(media.read(publish_id, range(media.length(publish_id, part)), part))


def test_chunks_make_one_file_across_a_restart(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    _keep(media, "a", b"abcd", b"efgh", b"ij")
    _keep(media, "a", b"other", part=1)

    again = MediaStore(tmp_path)

    assert _everything(again, "a") == b"abcdefghij"
    assert _everything(again, "a", 1) == b"other"
    assert b"".join(again.read("a", range(3, 9))) == b"defghi"
    assert again.used == media.used == 15


def test_a_chunk_that_does_not_count_leaves_nothing(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    straggler, winner = media.open_chunk("a", 0), media.open_chunk("a", 0)
    straggler.write(b"12")
    winner.write(b"abc")
    winner.commit()
    straggler.write(b"3")
    straggler.discard()

    assert _everything(media, "a") == b"abc"
    assert media.used == 3
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["00-000000000000"]


def test_what_was_coming_when_the_power_went_is_forgotten(tmp_path: Path) -> None:
    taking = MediaStore(tmp_path).open_chunk("a", 0)
    taking.write(b"half")

    assert MediaStore(tmp_path).used == 0
    taking.discard()


def test_the_oldest_goes_first_when_the_budget_is_used_up(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, budget=10)
    _keep(media, "old", b"1234")
    _keep(media, "new", b"5678")

    _keep(media, "newest", b"9012")

    assert [media.length(each) for each in ("old", "new", "newest")] == [0, 4, 4]
    assert media.used == 8


def test_what_is_larger_than_the_budget_is_not_kept_at_all(tmp_path: Path) -> None:
    media = MediaStore(tmp_path, budget=10)
    _keep(media, "large", b"123456", b"789012")

    assert (media.length("large"), media.used) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_hash_goes_on_only_where_every_byte_is_kept(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    _keep(media, "a", b"abc")

    digest = media.digest("a", 3)

    assert digest is not None
    assert digest.hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert media.digest("a", 4) is None


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
def test_a_range_is_what_http_says(asked: str, span: range | None) -> None:
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
def test_only_pictures_and_films_are_called_by_their_name(head: bytes, kind: str) -> None:
    assert media_type(head) == kind


@asynccontextmanager
async def _keeping(folder: Path, clock: Clock) -> AsyncIterator[Visitor]:
    settings = Settings(chunk_limits=SMALL)
    async with (
        Server(settings, clock=clock, media_folder=folder) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield await Visitor(http, server.context).connect()


async def test_a_post_can_be_looked_at(tmp_path: Path, clock: Clock) -> None:
    async with _keeping(tmp_path, clock) as visitor:
        publish_id, url = await visitor.opened(53, 10, 5)
        for first in (0, 10, 20, 30):
            await visitor.put(url, CONTENT[first : first + 10], first, 53)
        await visitor.put(url, CONTENT[40:], 40, 53)
        clock.advance(1)
        [post] = (await visitor.ledger())["posts"]
        where = f"/_sandbox/posts/{post['post_id']}/media"
        whole = await visitor.http.get(where)
        part = await visitor.http.get(where, headers={"Range": "bytes=8-14"})
        beyond = await visitor.http.get(where, headers={"Range": "bytes=53-"})

    assert post["publish_id"] == publish_id
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, CONTENT, "video/mp4")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, CONTENT[8:15], "bytes 8-14/53")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */53")
    assert whole.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("where", ["1/media", "x/media", "7600000000000000000/media?part=x"])
async def test_of_no_such_post_nothing_is_kept(tmp_path: Path, clock: Clock, where: str) -> None:
    async with _keeping(tmp_path, clock) as visitor:
        answer = await visitor.http.get(f"/_sandbox/posts/{where}")

    assert answer.status_code == 404


async def test_a_rule_in_the_middle_of_a_body_sees_every_byte(tmp_path: Path, clock: Clock) -> None:
    async with _keeping(tmp_path, clock) as visitor:
        _, url = await visitor.opened(53)
        await visitor.rule(endpoint="upload", at="body", action="status", status=503, after_bytes=20)
        broken = await visitor.put(url, CONTENT, 0, 53)
        whole = await visitor.put(url, CONTENT, 0, 53)
        clock.advance(1)
        [init] = (await visitor.ledger())["inits"]

    assert (broken.status_code, whole.status_code) == (503, 201)
    assert init["bytes_read"] >= 53 + 20
