"""Watches one post from outside: its events on Kafka and TikTok's ledger, and shows what is new."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from stack.demo.backend import Event
from stack.demo.errors import Overdue, PostEnded
from stack.demo.screen import Screen, Tone
from stack.demo.stand_in import Ledger

LOOK_MS: Final = 50
BYTES: Final = "bytes at TikTok"

MEANING: Final = {
    "post.accepted": "Postbus has written the request down and answers for it",
    "post.delayed": "it waits",
    "post.uploaded": "handed over: every byte is with TikTok",
    "post.unresolved": "it may be out; this is being found out",
    "post.returned": "TikTok gave it up; another attempt is made",
    "post.published": "TikTok says that it is complete",
    "post.available": "people can see it",
}


class Events(Protocol):
    """What happens to the post, as consumers see it."""

    async def next(self, *, within_ms: int) -> list[Event]:
        """Return what has come since the last call; wait a little for something."""


class TikTok(Protocol):
    """What TikTok knows of the post."""

    async def ledger(self) -> Ledger:
        """Tell it."""


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncIterator[None]:
    """Give what happens inside so many seconds.

    Raises:
        Overdue: they passed; says what was waited for.
    """
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as late:
        raise Overdue(what, seconds) from late


class Watch:
    """What has been seen of a post so far."""

    def __init__(self, events: Events, tiktok: TikTok, screen: Screen, size: int) -> None:
        self._events = events
        self._tiktok = tiktok
        self._screen = screen
        self.size = size
        self.seen: list[Event] = []
        self.ledger = Ledger()

    def times(self, event_type: str) -> int:
        """How often this has happened."""
        return sum(event.type == event_type for event in self.seen)

    async def look(self) -> None:
        """See what is new, and show it.

        Raises:
            PostEnded: Postbus gave the post up.
        """
        for event in await self._events.next(within_ms=LOOK_MS):
            self.seen.append(event)
            self._show(event)
        self.ledger = await self._tiktok.ledger()
        if self.ledger.inits:
            self._screen.bar(BYTES, self.ledger.stored, self.size)

    async def until(self, reached: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Look again and again until something is so.

        Raises:
            Overdue: it was not so in time.
            PostEnded: Postbus gave the post up.
        """
        async with within(seconds, what):
            while not reached():
                await self.look()

    async def until_event(self, event_type: str, *, seconds: float) -> None:
        """Look until something has happened to the post."""
        await self.until(lambda: self.times(event_type) > 0, what=event_type, seconds=seconds)

    def _show(self, event: Event) -> None:
        if event.type == "post.failed":
            raise PostEnded(event=event.type, why=f"{event.body.get('reason')}: {event.body.get('message')}")
        if event.type in MEANING:
            why = f" ({event.body['reason']})" if "reason" in event.body else ""
            self._screen.tell(f"{event.type:<15} {MEANING[event.type]}{why}", Tone.EVENT)
