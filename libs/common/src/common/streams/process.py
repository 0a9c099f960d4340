"""Being a process: roles from the command line, an end on SIGTERM, and a last word where it cannot go on."""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator
from enum import StrEnum
from typing import TypeVar

import structlog

from common import logs
from common.errors import CommonError

AnyRole = TypeVar("AnyRole", bound=StrEnum)
log = structlog.get_logger(__name__)


def run_process(
    *,
    service: str,
    description: str,
    roles: type[AnyRole],
    run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]],
) -> int:
    """Run the named role, or all of them, until SIGTERM or SIGINT.

    Returns the exit status: 0 after a clean stop, 1 where the process cannot go on; why is in the log.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {service}_service", description=description)
    parser.add_argument("role", nargs="?", choices=[role.value for role in roles], help="one role; all if left out")
    role: str | None = parser.parse_args().role
    logs.configure(service)
    try:
        asyncio.run(_run_until_signalled([roles(role)] if role else list(roles), run))
    except Exception as error:  # noqa: BLE001 -- the supervisor starts a process anew; it cannot find out why
        _say_last(error)
        return 1
    return 0


def _say_last(error: Exception) -> None:
    """Say what a person can mend in a sentence; anything else with where it happened."""
    causes = list(_leaves(error))
    if all(isinstance(cause, CommonError) for cause in causes):
        log.critical("cannot_start", fault="; ".join(map(str, causes)))
    else:
        log.critical("process_failed", exc_info=error)


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def _run_until_signalled(
    roles: Collection[AnyRole], run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]]
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("starting", roles=roles)
    await run(roles, stop)
    log.info("stopped")
