"""Monitoring a post: new events are shown, a failure ends it, and every wait has a time limit."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fakes.display import RecordingDisplay
from harness import virtual_time
from stack.demo.backend import Event
from stack.demo.errors import PostFailed, TimedOut
from stack.demo.post_monitor import PostMonitor
from stack.demo.sandbox_admin import Init, Ledger

SIZE = 100


class ScriptedPost:
    """Events and a ledger that advance one step per poll."""

    def __init__(self, *steps: tuple[str, int]) -> None:
        self._steps = list(steps)
        self._stored = 0

    async def next(self, *, within_ms: int) -> list[Event]:
        await asyncio.sleep(within_ms / 1000)
        if not self._steps:
            return []
        name, self._stored = self._steps.pop(0)
        return [event(name)] if name else []

    async def ledger(self) -> Ledger:
        begun = Init(
            publish_id="v", title="t", size=SIZE, chunk_size=10, uploaded_bytes=self._stored, bytes_read=self._stored
        )
        return Ledger(inits=(begun,))


def event(name: str, **body: Any) -> Event:
    reason = {"reason": "source_unavailable", "message": "404"} if name == "post.failed" else {}
    return Event(type=name, body={"post_id": "p", **reason, **body})


def monitoring(*steps: tuple[str, int]) -> tuple[PostMonitor, RecordingDisplay]:
    post, display = ScriptedPost(*steps), RecordingDisplay()
    return PostMonitor(post, post, display, SIZE), display


def run(monitor: PostMonitor, reached: Callable[[], bool]) -> None:
    virtual_time.run(monitor.wait_until(reached, what="the moon", seconds=30))


def test_monitor_counts_events_and_shows_bytes() -> None:
    monitor, display = monitoring(("post.accepted", 0), ("post.progressed", 50), ("post.uploaded", 100))
    run(monitor, lambda: monitor.count("post.uploaded") == 1)
    assert display.bars == [0, 50, 100]
    assert [line.split()[0] for line in display.lines] == ["post.accepted", "post.uploaded"]
    assert monitor.ledger.stored_bytes == SIZE


def test_monitor_failed_post_raises_with_its_reason() -> None:
    monitor, _ = monitoring(("post.accepted", 0), ("post.failed", 0))
    with pytest.raises(PostFailed, match="source_unavailable: 404"):
        run(monitor, lambda: False)


def test_monitor_wait_past_its_limit_names_the_condition() -> None:
    monitor, _ = monitoring(("post.accepted", 0))
    with pytest.raises(TimedOut, match="30 s: the moon"):
        run(monitor, lambda: False)
