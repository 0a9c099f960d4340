"""Chunks: order, headers, lengths, and the hash of what is stored."""

import hashlib

import pytest

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.chunk_plan import ChunkPlan
from tiktok_sandbox.model.uploads import ChunkHeaders, IncomingChunk, Upload, check_headers, new_upload, store_chunk
from tiktok_sandbox.runtime.clock import Clock

CONTENT = bytes(range(53))


def _opened_twice(size: int) -> tuple[Upload, IncomingChunk, IncomingChunk]:
    """An upload in chunks of ten, and two clients that both send its first chunk."""
    plan = ChunkPlan(size=size, chunk_size=10, count=size // 10)
    upload = new_upload(publish_id="p", token="t", plan=plan, expires_at=10.0)
    head = ChunkHeaders(content_type="video/mp4", content_length="10", content_range=f"bytes 0-9/{size}")
    one, two = check_headers("1", upload, head, 0.0), check_headers("1", upload, head, 0.0)
    assert isinstance(one, IncomingChunk)
    assert isinstance(two, IncomingChunk)
    return upload, one, two


async def test_chunks_in_order_complete_the_upload(connected: SandboxClient, clock: Clock) -> None:
    publish_id, url = await connected.open_upload(53, 10, 5)
    answers = [await connected.put(url, CONTENT[first : first + 10], first, 53) for first in range(0, 40, 10)]
    part = (await connected.status(publish_id)).json()["data"]
    answers.append(await connected.put(url, CONTENT[40:], 40, 53))
    clock.advance(1)

    [post] = (await connected.ledger())["posts"]

    assert [each.status_code for each in answers] == [206, 206, 206, 206, 201]
    assert [each.headers["content-range"] for each in answers] == [f"bytes 0-{last}/53" for last in (9, 19, 29, 39, 52)]
    assert part == {"status": "PROCESSING_UPLOAD", "uploaded_bytes": 40}
    assert post["sha256"] == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("first", [0, 20])
async def test_chunk_out_of_order_gets_416_with_the_progress(connected: SandboxClient, first: int) -> None:
    _, url = await connected.open_upload(53, 10, 5)
    await connected.put(url, CONTENT[:10], 0, 53)

    answer = await connected.put(url, CONTENT[first : first + 10], first, 53)

    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes 0-9/53")


async def test_chunk_with_another_total_gets_416(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(53, 10, 5)

    assert (await connected.put(url, CONTENT[:10], 0, 54)).status_code == 416


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/octet-stream"},
        {"Content-Range": "bytes 0-9"},
        {"Content-Range": "bytes */53"},
        {"Content-Range": "bytes 0-10/53"},
        {"Content-Range": "bytes 0-8/53"},
        {"Content-Length": "9"},
        {"Content-Length": ""},
    ],
)
async def test_invalid_headers_are_refused_and_change_nothing(
    connected: SandboxClient, headers: dict[str, str]
) -> None:
    publish_id, url = await connected.open_upload(53, 10, 5)

    answer = await connected.put(url, CONTENT[:10], 0, 53, **headers)

    assert answer.status_code == 400
    assert (await connected.status(publish_id)).json()["data"]["uploaded_bytes"] == 0


async def test_last_chunk_must_have_all_remaining_bytes(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(23, 10, 2)
    await connected.put(url, CONTENT[:10], 0, 23)

    short = await connected.put(url, CONTENT[10:20], 10, 23)
    whole = await connected.put(url, CONTENT[10:23], 10, 23)

    assert (short.status_code, whole.status_code) == (400, 201)


async def test_body_of_another_length_is_not_stored(connected: SandboxClient, clock: Clock) -> None:
    publish_id, url = await connected.open_upload(10)
    lying = await connected.put(url, CONTENT[:9], 0, 10, **{"Content-Range": "bytes 0-9/10", "Content-Length": "10"})
    true = await connected.put(url, CONTENT[:10], 0, 10)
    clock.advance(1)

    ledger = await connected.ledger()

    assert (lying.status_code, true.status_code) == (400, 201)
    assert ledger["posts"][0]["sha256"] == hashlib.sha256(CONTENT[:10]).hexdigest()
    assert (ledger["inits"][0]["publish_id"], ledger["inits"][0]["bytes_read"]) == (publish_id, 19)


@pytest.mark.parametrize(("size", "status"), [(10, 404), (20, 416)])
def test_of_two_concurrent_puts_one_is_stored(size: int, status: int) -> None:
    upload, one, two = _opened_twice(size)
    one.feed(CONTENT[:5])
    two.feed(CONTENT[:10])
    one.feed(CONTENT[5:10])
    stored = store_chunk(upload, two, 1.0)
    assert isinstance(stored, Upload)

    straggler = store_chunk(stored, one, 2.0)

    assert isinstance(straggler, Answer)
    assert straggler.status == status
    assert stored.digest.hexdigest() == hashlib.sha256(CONTENT[:10]).hexdigest()


def test_body_that_ends_after_the_hour_is_not_stored() -> None:
    upload, one, _ = _opened_twice(10)
    one.feed(CONTENT[:10])

    late = store_chunk(upload, one, 10.0)

    assert isinstance(late, Answer)
    assert late.status == 403
