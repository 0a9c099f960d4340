"""What stands between the pure tables and HTTP: the clock, calls that wait, and the list of calls."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random, SystemRandom
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tiktok_sandbox.faults.breakpoints import Holds
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.tables import World
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.runtime.media_store import Media

CALLS_REMEMBERED: Final = 10_000

Handler = Callable[[Request], Awaitable[Response]]


class Shell:
    """One running stand-in."""

    def __init__(
        self, settings: Settings, *, base_url: str, clock: Clock | None = None, random: Random | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.ids = Identifiers(random or SystemRandom())
        self.world = World(settings, self.ids, base_url)
        self.holds = Holds()
        self.calls: deque[dict[str, object]] = deque(maxlen=CALLS_REMEMBERED)
        self.calls_seen = 0
        self.changes = 0
        self.media: Media | None = None
        self.after_change: list[Callable[[], None]] = []
        self.before_end: list[Callable[[], Awaitable[None]]] = []
        self._ending = asyncio.Event()

    def changed(self) -> None:
        """Something in the tables is new: whoever works in the background may have something to do."""
        self.changes += 1
        for look in self.after_change:
            look()

    async def close(self) -> None:
        """Nobody waits or works in the background any more."""
        self._ending.set()
        await self.holds.close()
        for end in self.before_end:
            await end()

    async def wait_until(self, moment: float) -> None:
        """Return once that moment has come, or the stand-in stops."""
        if moment <= self.clock.now():
            return
        waits = {asyncio.create_task(self.clock.wait_until(moment)), asyncio.create_task(self._ending.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def note(self, call: dict[str, object]) -> None:
        """Remember a call, under the next number."""
        self.calls_seen += 1
        self.calls.append({"number": self.calls_seen, **call})
        self.changed()
