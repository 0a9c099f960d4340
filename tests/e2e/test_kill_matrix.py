"""Each service is killed at each point of a post: it is published once, complete, and its metrics are stored."""

from dataclasses import dataclass

import pytest

from harness.product import Clip, Product
from harness.sandbox_admin import Call, CallPhase
from stack.options import SERVICES

CHUNKS = 6
CHUNK_BYTES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """When to kill: the call that TikTok does not answer yet, and how many chunks it has by then."""

    name: str
    call: Call
    at: CallPhase = "request"
    skip: int = 0
    after_bytes: int = 0
    last_event: str
    chunks: int


POINTS = (
    Point(name="request_accepted", call="creator_info", last_event="post.accepted", chunks=0),
    Point(name="before_the_first_byte", call="upload", last_event="post.accepted", chunks=0),
    Point(
        name="in_the_middle_of_a_chunk",
        call="upload",
        at="body",
        skip=2,
        after_bytes=CHUNK_BYTES // 2,
        last_event="post.accepted",
        chunks=2,
    ),
    Point(
        name="after_the_last_chunk",
        call="upload",
        at="answer",
        skip=CHUNKS - 1,
        last_event="post.accepted",
        chunks=CHUNKS,
    ),
    Point(name="before_the_verdict", call="status", last_event="post.uploaded", chunks=CHUNKS),
    Point(name="before_the_first_numbers", call="video_query", last_event="post.available", chunks=CHUNKS),
)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
@pytest.mark.parametrize("killed", SERVICES)
async def test_killed_service_publishes_the_post_once(product: Product, clip: Clip, killed: str, point: Point) -> None:
    account = await product.connect(f"{killed}-{POINTS.index(point)}")
    request = product.request(account, clip)
    stopped = await product.tiktok.hold(
        point.call, at=point.at, skip=point.skip, after_bytes=point.after_bytes, open_id=account.open_id
    )
    async with product.events_of(request) as events:
        await product.request_posts(request)
        await stopped.reached()
        await events.until_type(point.last_event, within=10)
        ledger = await product.tiktok.ledger(title=request["caption"])
        stored = max((begun.uploaded_bytes for begun in ledger.inits), default=0)
        assert stored == (clip.size if point.chunks == CHUNKS else point.chunks * CHUNK_BYTES)
        await product.kill(killed)
        await stopped.release()
        await product.expect_published_once(request, clip, events)
