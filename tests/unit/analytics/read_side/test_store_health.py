"""The last ping's result, and how changes of it are logged."""

import asyncio

import structlog

from analytics_service.errors import StoreUnavailable
from analytics_service.read_side.store_health import StoreHealth


class Pinged:
    """A store that answers the first ping, and stops the test's loop after it."""

    def __init__(self, stop: asyncio.Event, *, down: bool) -> None:
        self._stop, self._down = stop, down

    async def ping(self) -> None:
        self._stop.set()
        if self._down:
            raise StoreUnavailable(ConnectionError())


async def test_store_that_answers_is_logged_once() -> None:
    stop = asyncio.Event()
    health = StoreHealth(Pinged(stop, down=False))
    with structlog.testing.capture_logs() as logs:
        await health.follow(stop)
    assert health.answers
    assert [(entry["event"], entry["answers"]) for entry in logs] == [("store_health_changed", True)]


async def test_store_that_is_down_stays_not_ready() -> None:
    stop = asyncio.Event()
    health = StoreHealth(Pinged(stop, down=True))
    with structlog.testing.capture_logs() as logs:
        await health.follow(stop)
    assert not health.answers
    assert logs == []
