"""What stands between the pure tables and HTTP: the clock, calls that wait, and the list of calls."""

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
    """One running stand-in."""

    def __init__(
        self, settings: Settings, *, base_url: str, clock: Clock | None = None, random: Random | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.ids = Identifiers(random or SystemRandom())
        self.tables = Tables(settings, self.ids, base_url)
        self.breakpoints = Breakpoints()
        self.calls: deque[dict[str, object]] = deque(maxlen=MAX_CALLS)
        self.call_count = 0
        self.change_count = 0
        self.media: MediaStore | None = None
        self.on_change: list[Callable[[], None]] = []
        self.on_close: list[Callable[[], Awaitable[None]]] = []
        self._closing = asyncio.Event()

    def notify_change(self) -> None:
        """Something in the tables is new: whoever works in the background may have something to do."""
        self.change_count += 1
        for look in self.on_change:
            look()

    async def close(self) -> None:
        """Nobody waits or works in the background any more."""
        self._closing.set()
        await self.breakpoints.close()
        for end in self.on_close:
            await end()

    async def wait_until(self, moment: float) -> None:
        """Return once that moment has come, or the stand-in stops."""
        if moment <= self.clock.now():
            return
        waits = {asyncio.create_task(self.clock.wait_until(moment)), asyncio.create_task(self._closing.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def record_call(self, call: dict[str, object]) -> None:
        """Remember a call, under the next number."""
        self.call_count += 1
        self.calls.append({"number": self.call_count, **call})
        self.notify_change()
