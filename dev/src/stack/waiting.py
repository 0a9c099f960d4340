"""Waits for a condition, with a deadline, by asking again and again."""

import asyncio
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stack.errors import NotReady, PartDied
from stack.processes import Child

T = TypeVar("T")

ASK_EVERY = 0.05
ANSWER_WITHIN = 2.0
DEATHS_BEFORE_GIVING_UP = 5


def until(condition: Callable[[], T], *, name: str, timeout: float = 60.0, child: Child | None = None) -> T:
    """Return the condition's first truthy answer.

    Raises:
        NotReady: the deadline passed.
        PartDied: the child that was to bring it about is gone, or dies again and again.
    """
    deadline = time.monotonic() + timeout
    deaths = child.deaths if child else 0
    while not (answer := condition()):
        if child and (child.gone or child.deaths - deaths >= DEATHS_BEFORE_GIVING_UP):
            raise PartDied(name, child.log)
        if time.monotonic() > deadline:
            raise NotReady(name, timeout, child.log if child else None)
        time.sleep(ASK_EVERY)
    return answer


def accepts(port: int) -> bool:
    """Say whether something on this machine accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_WITHIN):
            return True
    except OSError:
        return False


def answers(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Say whether the address answers with success."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(url, timeout=ANSWER_WITHIN) as response:
            return bool(response.status == 200)  # noqa: PLR2004  # the one success a readiness answer has
    except OSError:
        return False


def apart(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine to its end in a loop of its own, whether or not the caller's thread runs a loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
