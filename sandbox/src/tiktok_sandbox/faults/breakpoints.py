"""Calls that wait because a rule holds them, and tests that wait until one is held."""

import asyncio
from collections import Counter
from collections.abc import Callable


class Breakpoints:
    """Who waits at which rule."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._holding: Counter[str] = Counter()
        self._released: set[str] = set()
        self._closed = False

    def holding(self, rule_id: str) -> int:
        """How many calls wait at a rule now."""
        return self._holding[rule_id]

    async def hold(self, rule_id: str) -> None:
        """Wait here until the rule is released."""
        async with self._changed:
            self._holding[rule_id] += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._closed or rule_id in self._released)
            finally:
                self._holding[rule_id] -= 1
                self._changed.notify_all()

    async def release(self, rule_id: str) -> None:
        """Let everyone at this rule go on, and whoever comes later pass."""
        async with self._changed:
            self._released.add(rule_id)
            self._changed.notify_all()

    async def notify(self) -> None:
        """Something a test may wait for has changed."""
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition over rules and holds; False when it did not come true in time."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """The server stops: nobody waits any more."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()
