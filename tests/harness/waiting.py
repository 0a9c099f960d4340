"""Poll for a condition in another process, with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

ASK_EVERY = 0.05


async def eventually(ask: Callable[[], Awaitable[T]], *, what: str, within: float) -> T:
    """Return the first truthy answer; fail with what was waited for."""
    answer = None
    try:
        async with asyncio.timeout(within):
            while not (answer := await ask()):  # noqa: ASYNC110  # another process cannot wake this one
                await asyncio.sleep(ASK_EVERY)
    except TimeoutError:
        message = f"waited {within:.0f} s for {what}; the last answer was {answer!r}"
        raise AssertionError(message) from None
    return answer
