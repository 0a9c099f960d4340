"""Whether the store answers, for the edge's readiness."""

import asyncio
from typing import Protocol

import structlog

from analytics_service.errors import StoreUnavailable

ASK_EVERY_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Pings(Protocol):
    """What can be asked for a sign of life."""

    async def ping(self) -> None:
        """Return if it answers. Raises `StoreUnavailable`."""


class StoreHealth:
    """Asks the store now and then, so that readiness can be told at once."""

    def __init__(self, store: Pings) -> None:
        self._store = store
        self.answers = False

    async def follow(self, stop: asyncio.Event) -> None:
        """Keep asking until `stop`; tells of every change once."""
        while not stop.is_set():
            answers = await self._ask()
            if answers != self.answers:
                log.info("store_health_changed", answers=answers)
            self.answers = answers
            await _wait(stop, ASK_EVERY_SECONDS)

    async def _ask(self) -> bool:
        try:
            await self._store.ping()
        except StoreUnavailable:
            return False
        return True


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({stopping}, timeout=seconds)
    finally:
        stopping.cancel()
