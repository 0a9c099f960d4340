"""Follows one post from outside, by its events and the sandbox's ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from stack.demo.backend import Event
from stack.demo.display import Display, Style
from stack.demo.errors import PostFailed, TimedOut
from stack.demo.sandbox_admin import Ledger

POLL_MS: Final = 50
BYTES: Final = "bytes at TikTok"

MEANINGS: Final = {
    "post.accepted": "the request is stored; from here on Postbus carries it to its end",
    "post.delayed": "it waits",
    "post.uploaded": "every byte is at TikTok; the publisher takes over",
    "post.unresolved": "it may be published; Postbus keeps asking TikTok",
    "post.returned": "TikTok gave this attempt up; another one follows",
    "post.published": "TikTok reports it as complete",
    "post.available": "people can see it",
}
"""What an event means, for a reader who sees it for the first time."""


class PostEvents(Protocol):
    """The events of the post, as a consumer reads them."""

    async def next(self, *, within_ms: int) -> list[Event]:
        """Return the events since the last call; wait up to `within_ms` for the first."""


class SandboxLedger(Protocol):
    """What the sandbox has stored about the post."""

    async def ledger(self) -> Ledger:
        """Return it."""


@asynccontextmanager
async def deadline(seconds: float, what: str) -> AsyncIterator[None]:
    """Give the block a time limit.

    Raises:
        TimedOut: the time passed; names what was waited for.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise TimedOut(what, seconds) from late


class PostMonitor:
    """Collects what has happened to a post so far, and shows each event once."""

    def __init__(self, events: PostEvents, sandbox: SandboxLedger, display: Display, size: int) -> None:
        self._events = events
        self._sandbox = sandbox
        self._display = display
        self.size = size
        self.seen: list[Event] = []
        self.ledger = Ledger()

    def count(self, event_type: str) -> int:
        """Return how many events of this type were seen."""
        return sum(event.type == event_type for event in self.seen)

    async def poll(self) -> None:
        """Read what is new, and show it.

        Raises:
            PostFailed: the post ended with `post.failed`.
        """
        for event in await self._events.next(within_ms=POLL_MS):
            self.seen.append(event)
            self._show(event)
        self.ledger = await self._sandbox.ledger()
        # Before the first init there is nothing to measure.
        if self.ledger.inits:
            self._display.bar(BYTES, self.ledger.stored_bytes, self.size)

    async def wait_until(self, reached: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Poll until `reached` is true.

        Raises:
            TimedOut: it was not true in time.
            PostFailed: the post ended with `post.failed`.
        """
        async with deadline(seconds, what):
            while not reached():
                await self.poll()

    async def wait_for_event(self, event_type: str, *, seconds: float) -> None:
        """Poll until the post has had an event of this type."""
        await self.wait_until(lambda: self.count(event_type) > 0, what=event_type, seconds=seconds)

    def _show(self, event: Event) -> None:
        # It is the last event of a post, so nothing that is waited for can still come.
        if event.type == "post.failed":
            raise PostFailed(why=f"{event.body.get('reason')}: {event.body.get('message')}")
        if event.type in MEANINGS:
            reason = f" ({event.body['reason']})" if "reason" in event.body else ""
            self._display.line(f"{event.type:<15} {MEANINGS[event.type]}{reason}", Style.EVENT)
