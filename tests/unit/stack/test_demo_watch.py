"""Watching a post: what is new is shown, a failure ends it, and every wait has its deadline."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import RenderableType

from harness import virtual_time
from stack.demo.backend import Event
from stack.demo.errors import Overdue, PostEnded
from stack.demo.screen import Tone
from stack.demo.stand_in import Begun, Ledger
from stack.demo.watch import Watch

SIZE = 100


class Coming:
    """Events and a ledger that come one step at a look."""

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
        begun = Begun(
            publish_id="v", title="t", size=SIZE, chunk_size=10, uploaded_bytes=self._stored, bytes_read=self._stored
        )
        return Ledger(inits=(begun,))


class Recorded:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[int] = []

    def tell(self, text: str, tone: Tone = Tone.NOTE) -> None:
        self.lines.append(text)

    def show(self, what: RenderableType) -> None:
        raise AssertionError

    def bar(self, label: str, done: int, total: int) -> None:
        self.bars.append(done)


def event(name: str, **body: Any) -> Event:
    reason = {"reason": "source_unavailable", "message": "404"} if name == "post.failed" else {}
    return Event(type=name, body={"post_id": "p", **reason, **body})


def watching(*steps: tuple[str, int]) -> tuple[Watch, Recorded]:
    coming, screen = Coming(*steps), Recorded()
    return Watch(coming, coming, screen, SIZE), screen


def run(watch: Watch, reached: Callable[[], bool]) -> None:
    virtual_time.run(watch.until(reached, what="the moon", seconds=30))


def test_events_are_counted_and_bytes_shown() -> None:
    watch, screen = watching(("post.accepted", 0), ("post.progressed", 50), ("post.uploaded", 100))
    run(watch, lambda: watch.times("post.uploaded") == 1)
    assert screen.bars == [0, 50, 100]
    assert [line.split()[0] for line in screen.lines] == ["post.accepted", "post.uploaded"]
    assert watch.ledger.stored == SIZE


def test_a_failed_post_ends_the_story_with_its_reason() -> None:
    watch, _ = watching(("post.accepted", 0), ("post.failed", 0))
    with pytest.raises(PostEnded, match="source_unavailable: 404"):
        run(watch, lambda: False)


def test_a_wait_without_end_ends_and_says_what_for() -> None:
    watch, _ = watching(("post.accepted", 0))
    with pytest.raises(Overdue, match="30 s for the moon"):
        run(watch, lambda: False)
