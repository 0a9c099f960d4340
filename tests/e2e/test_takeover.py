"""An uploader freezes for longer than its session, another takes over, and the first one continues: a zombie."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from harness.product import Clip, Product
from harness.waiting import eventually
from stack.local import Stack
from stack.services import ServiceProcess

CHUNK_BYTES = 10_000_000
FENCED_WITHIN = 30.0


@pytest.fixture
def frozen(stack: Stack) -> Iterator[ServiceProcess]:
    """The uploader that freezes."""
    worker = stack.service("uploader")
    yield worker
    worker.resume()


@pytest.fixture
def successor(stack: Stack) -> Iterator["Successor"]:
    """The uploader that takes over."""
    waiting = Successor(stack)
    yield waiting
    waiting.stop()


class Successor:
    """A second uploader, started by `take_over`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._worker: ServiceProcess | None = None

    async def take_over(self) -> None:
        """Start; return once it serves every partition. Kafka assigns them after the other's session has ended."""
        self._worker = await asyncio.to_thread(self._stack.start_extra, "uploader", instance="uploader-1")

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self._worker is not None:
            self._worker.stop()


async def test_frozen_uploader_is_fenced_when_it_continues(
    product: Product, clip: Clip, frozen: ServiceProcess, successor: Successor
) -> None:
    sender, opener = await product.connect("frozen-amid-a-chunk"), await product.connect("frozen-amid-an-init")
    sending, opening = product.request(sender, clip), product.request(opener, clip)
    amid_a_chunk = await product.tiktok.hold(
        "upload", at="body", skip=2, after_bytes=CHUNK_BYTES // 2, open_id=sender.open_id
    )
    amid_an_init = await product.tiktok.hold("video_init", at="answer", open_id=opener.open_id)
    async with product.events_of(sending) as events_of_sending, product.events_of(opening) as events_of_opening:
        await product.request_posts(sending, opening)
        await amid_a_chunk.reached()
        await amid_an_init.reached()
        frozen.pause()
        log_before = frozen.log.stat().st_size
        # Hold the successor in its second chunk, so that the other continues while both have work in hand.
        successors_chunk = await product.tiktok.hold(
            "upload", at="body", skip=1, after_bytes=CHUNK_BYTES // 2, open_id=sender.open_id
        )
        await successor.take_over()
        await successors_chunk.reached()
        frozen.resume()
        await amid_a_chunk.release()
        await amid_an_init.release()
        await eventually(
            lambda: signs_of_fencing(frozen, log_before), what="the frozen one to be fenced", within=FENCED_WITHIN
        )
        await successors_chunk.release()
        await product.expect_published_once(sending, clip, events_of_sending)
        await product.expect_published_once(opening, clip, events_of_opening)
    assert len((await product.tiktok.ledger(title=sending["caption"])).inits) == 1
    abandoned, used = (await product.tiktok.ledger(title=opening["caption"])).inits
    assert (abandoned.bytes_read, used.uploaded_bytes) == (0, clip.size)


async def signs_of_fencing(worker: ServiceProcess, since: int) -> list[str]:
    """The worker's log events of a fenced transaction, or of a new assignment, since a position in its log."""
    with worker.log.open("rb") as log:
        log.seek(since)
        entries = [msgspec.json.decode(line) for line in log.read().splitlines() if line.startswith(b"{")]
    return [
        entry["event"]
        for entry in entries
        if (entry["event"] == "task_reopening" and "ProducerFenced" in entry["cause"])
        or entry["event"] == "partitions_assigned"
    ]
