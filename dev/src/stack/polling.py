"""Waits for a condition with a time limit, by polling."""

import asyncio
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from stack.errors import NotReady, ProcessExited
from stack.processes import Child

T = TypeVar("T")

POLL_INTERVAL = 0.05
ANSWER_TIMEOUT = 2.0
MAX_DEATHS = 5
"""How often a child may die while it is waited for. One death is normal: a restart helps if Kafka was not ready."""


def wait_until(condition: Callable[[], T], *, name: str, timeout: float = 60.0, child: Child | None = None) -> T:
    """Return the condition's first truthy value.

    `name` is what the errors call it; `child` is the process that has to make the condition true.

    Raises:
        NotReady: the time limit passed.
        ProcessExited: the child ended for good, or died `MAX_DEATHS` times.
    """
    deadline = time.monotonic() + timeout
    deaths = child.deaths if child else 0
    while not (value := condition()):
        if child and (child.ended or child.deaths - deaths >= MAX_DEATHS):
            raise ProcessExited(name, child.log)
        if time.monotonic() > deadline:
            raise NotReady(name, timeout, child.log if child else None)
        time.sleep(POLL_INTERVAL)
    return value


def accepts_connections(port: int) -> bool:
    """Return whether a process on this machine accepts connections on the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT):
            return True
    except OSError:
        return False


def answers_ok(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """Return whether the URL answers with HTTP 200."""
    # An empty ProxyHandler: a proxy from the environment cannot reach loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls))
    try:
        with opener.open(url, timeout=ANSWER_TIMEOUT) as response:
            return bool(response.status == 200)  # noqa: PLR2004  # the one success a readiness answer has
    except OSError:
        return False


def run_in_own_loop(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a coroutine in an event loop and thread of its own; return its result.

    `asyncio.run` fails where the calling thread already runs a loop, as an `async with Stack(…)` does.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
