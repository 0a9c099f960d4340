"""The running application: state, clock, breakpoints, and the list of calls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random, SystemRandom
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.faults.breakpoints import Breakpoints
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.runtime.media_store import MediaStore

MAX_CALLS: Final = 10_000

Handler = Callable[[Request], Awaitable[Response]]


class AppContext:
    """Everything a request handler or background task needs of one running sandbox."""

    def __init__(
        self, settings: Settings, *, base_url: str, clock: Clock | None = None, random: Random | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.ids = Identifiers(random or SystemRandom())
        self.tables = Tables(settings, self.ids, base_url)
        self.breakpoints = Breakpoints()
        # A list of dicts and not of objects: the admin API returns them as they are.
        self.calls: deque[dict[str, object]] = deque(maxlen=MAX_CALLS)
        self.call_count = 0
        self.change_count = 0
        self.media: MediaStore | None = None
        self.on_change: list[Callable[[], None]] = []
        self.on_close: list[Callable[[], Awaitable[None]]] = []
        self._closing = asyncio.Event()

    def notify_change(self) -> None:
        """Notify the background tasks that the tables changed.

        Downloads and the webhook sender then start what is due.
        """
        self.change_count += 1
        for callback in self.on_change:
            callback()

    async def close(self) -> None:
        """Release every waiting call and stop the background work."""
        self._closing.set()
        # First, since a held call would keep the server from ending.
        await self.breakpoints.close()
        for stop in self.on_close:
            await stop()

    async def wait_until(self, when: float) -> None:
        """Return when the sandbox's clock shows `when`, or the sandbox stops."""
        if when <= self.clock.now():
            return
        waits = {asyncio.create_task(self.clock.wait_until(when)), asyncio.create_task(self._closing.wait())}
        try:
            # Whichever comes first: a stopped clock must not keep the sandbox from closing.
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def record_call(self, call: dict[str, object]) -> None:
        """Add a call to the list, under the next number."""
        self.call_count += 1
        self.calls.append({"number": self.call_count, **call})
        self.notify_change()
