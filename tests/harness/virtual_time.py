"""An event loop with virtual time: it jumps to the next timer, so that nothing waits in real time."""

import asyncio
import selectors
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from common.clock import ClockReading

T = TypeVar("T")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Deadlock(Exception):
    """Every task waits and no timer is set."""


class _NoSelector(selectors.BaseSelector):
    """A selector without files: there is no I/O here."""

    def __init__(self) -> None:
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, 0, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock
        return []

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time stands still while a callback is ready, then jumps to the next timer."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self._virtual_now = 0.0
        super().__init__(_NoSelector())

    def time(self) -> float:
        return self._virtual_now

    def skip(self, seconds: float) -> None:
        """Advance the time while nothing runs, as if the process were stopped."""
        self._virtual_now += seconds

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # never None here
        """Let the simulated executor run blocking work."""
        return self.create_task(executor.carry(func, *args))

    def _run_once(self) -> None:
        self._jump()
        super()._run_once()  # type: ignore[misc]  # asyncio's one internal step

    def _jump(self) -> None:
        if not self._ready and self._scheduled:
            self._virtual_now = max(self._virtual_now, self._scheduled[0].when())


def clock() -> datetime:
    """Return the running loop's virtual time as a datetime."""
    return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time())


def moment() -> ClockReading:
    """Read the running loop's virtual time as a moment: no clock of this world is ever set."""
    now = asyncio.get_running_loop().time()
    return ClockReading(now, now)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
