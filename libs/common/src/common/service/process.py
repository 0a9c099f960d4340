"""Process entry point: parses the role or command, stops on SIGTERM or SIGINT, logs why it failed."""

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
"""A one-off command. It returns the process's exit status when it is done, or soon after the event is set."""

_log = structlog.get_logger()


def run_process(
    *,
    service: str,
    description: str,
    roles: type[AnyRole],
    run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]],
    commands: Mapping[str, Command] = MappingProxyType({}),
) -> int:
    """Run the role from the command line, or all roles, until SIGTERM or SIGINT; or run a one-off command.

    Returns the exit status: 0 after a clean stop, 1 after a failure, which is logged, and a command's own.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {service}_service", description=description)
    named = [*(role.value for role in roles), *commands]
    words = f"one role; all roles if omitted{''.join(f'; or the one-off command {name}' for name in commands)}"
    parser.add_argument("role", nargs="?", choices=named, help=words)
    name: str | None = parser.parse_args().role
    # After the arguments: `--help` and a wrong role need no logs.
    logs.configure(service)
    command = commands.get(name or "")
    chosen = list(roles) if name is None or command else [roles(name)]
    try:
        return asyncio.run(_until_signalled(command or partial(_run_roles, run, chosen)))
    except Exception as error:  # noqa: BLE001 -- the supervisor restarts the process, but only this log has the reason
        _log_exit_reason(error)
        return 1


def _log_exit_reason(error: Exception) -> None:
    """Log errors that an operator can correct as one sentence, all others with their traceback."""
    causes = list(_leaves(error))
    # With one unexpected error among them, the traceback is needed for it.
    if all(isinstance(cause, CommonError) for cause in causes):
        _log.critical("cannot_start", fault="; ".join(map(str, causes)))
    else:
        _log.critical("process_failed", exc_info=error)


def _leaves(error: Exception) -> Iterator[Exception]:
    """Yield the errors of a task group one by one, however deep the groups are nested."""
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def _until_signalled(work: Command) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Only an event is set: the roles finish their work and leave their groups by themselves.
        loop.add_signal_handler(number, stop.set)
    return await work(stop)


async def _run_roles(
    run: Callable[[Collection[AnyRole], asyncio.Event], Awaitable[None]],
    roles: Collection[AnyRole],
    stop: asyncio.Event,
) -> int:
    _log.info("starting", roles=roles)
    await run(roles, stop)
    _log.info("stopped")
    return 0
