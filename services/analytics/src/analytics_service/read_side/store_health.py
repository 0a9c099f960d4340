"""Asks MongoDB regularly whether it answers, for the edge's readiness."""

import asyncio
from typing import Protocol

import structlog

from analytics_service.errors import StoreUnavailable

PING_INTERVAL_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Pingable(Protocol):
    """A store that can be asked whether it answers."""

    async def ping(self) -> None:
        """Return if it answers. Raises `StoreUnavailable`."""


class StoreHealth:
    """Keeps the result of the last ping, so that `/readyz` answers at once even while MongoDB does not."""

    def __init__(self, store: Pingable) -> None:
        self._store = store
        self.answers = False

    async def follow(self, stop: asyncio.Event) -> None:
        """Ping until `stop`. Every change is logged once."""
        while not stop.is_set():
            answers = await self._ping()
            if answers != self.answers:
                _log.info("store_health_changed", answers=answers)
            self.answers = answers
            await _wait(stop, PING_INTERVAL_SECONDS)

    async def _ping(self) -> bool:
        try:
            await self._store.ping()
        except StoreUnavailable:
            return False
        return True


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    # Not a sleep: `stop` must end it at once, or every shutdown would take up to two seconds.
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({stopping}, timeout=seconds)
    finally:
        stopping.cancel()
