"""Lets rules hold calls, and tests wait until a call is held."""

import asyncio
from collections import Counter
from collections.abc import Callable


class Breakpoints:
    """The calls that wait at each rule."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._holding: Counter[str] = Counter()
        # Rules stay released: a call that arrives after the release must not wait.
        self._released: set[str] = set()
        self._closed = False

    def holding(self, rule_id: str) -> int:
        """Return how many calls wait at a rule now."""
        return self._holding[rule_id]

    async def hold(self, rule_id: str) -> None:
        """Wait until the rule is released or the sandbox stops."""
        async with self._changed:
            self._holding[rule_id] += 1
            self._changed.notify_all()
            try:
                await self._changed.wait_for(lambda: self._closed or rule_id in self._released)
            # NoResponse cancels its wait when the client disconnects.
            finally:
                self._holding[rule_id] -= 1
                self._changed.notify_all()

    async def release(self, rule_id: str) -> None:
        """Let all calls at this rule continue, and later ones pass without waiting."""
        async with self._changed:
            self._released.add(rule_id)
            self._changed.notify_all()

    async def notify(self) -> None:
        """Wake up the tests that wait: something they may depend on has changed."""
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition over rules and held calls.

        Return False if it does not come true in time.

        `seconds` are real seconds: a stopped sandbox clock must not stop the test that moves it.
        """
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Release every call; the server stops."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()
