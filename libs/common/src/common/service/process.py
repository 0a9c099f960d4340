"""Being a process: roles and errands from the command line, an end on SIGTERM, a last word where it cannot go on."""

import argparse
import asyncio
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import structlog

from common.errors import CommonError
from common.service import logs

AnyRole = TypeVar("AnyRole", bound=StrEnum)
Command: TypeAlias = Callable[[asyncio.Event], Awaitable[int]]
"""Something done once: ends by itself, or when the event is set, with the process's exit status."""

log = structlog.get_logger(__name__)


def run_process(
    *,
    service: str,
    description: str,
    roles: type[AnyRole],
    run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]],
    commands: Mapping[str, Command] = MappingProxyType({}),
) -> int:
    """Run the named role, or all of them, until SIGTERM or SIGINT; or do the named errand.

    Returns the exit status: 0 after a clean stop, the errand's own, 1 where the process cannot go on; why is in the
    log.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {service}_service", description=description)
    named = [*(role.value for role in roles), *commands]
    words = f"one role, all if left out{''.join(f'; or {name}, which is done once' for name in commands)}"
    parser.add_argument("role", nargs="?", choices=named, help=words)
    name: str | None = parser.parse_args().role
    logs.configure(service)
    errand = commands.get(name or "")
    chosen = list(roles) if name is None or errand else [roles(name)]
    try:
        return asyncio.run(_until_signalled(errand or partial(_run_roles, run, chosen)))
    except Exception as error:  # noqa: BLE001 -- the supervisor starts a process anew; it cannot find out why
        _log_exit_reason(error)
        return 1


def _log_exit_reason(error: Exception) -> None:
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


async def _until_signalled(work: Command) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await work(stop)


async def _run_roles(
    run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]],
    roles: Collection[AnyRole],
    stop: asyncio.Event,
) -> int:
    log.info("starting", roles=roles)
    await run(roles, stop)
    log.info("stopped")
    return 0
