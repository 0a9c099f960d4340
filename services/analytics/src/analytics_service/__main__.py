"""Runs analytics: `python -m analytics_service [worker|projector|edge]`, all roles by default."""

import argparse
import asyncio
import signal
import sys

import structlog

from analytics_service.effects import SERVICE
from analytics_service.wiring import Role, run
from common import logs
from common.errors import CommonError

log = structlog.get_logger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop, 1 where the process cannot go on."""
    parser = argparse.ArgumentParser(
        prog="python -m analytics_service",
        description="Collects numbers, keeps the read side, answers questions about posts.",
    )
    parser.add_argument("role", nargs="?", choices=[role.value for role in Role], help="one role; all if left out")
    role: str | None = parser.parse_args().role
    logs.configure(SERVICE)
    try:
        asyncio.run(_run_until_signalled([Role(role)] if role else list(Role)))
    except CommonError as error:
        log.critical("cannot_start", fault=str(error))
        return 1
    except Exception:
        # The supervisor starts a process anew; what it cannot do is find out why.
        log.critical("process_failed", exc_info=True)
        return 1
    return 0


async def _run_until_signalled(roles: list[Role]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("starting", roles=roles)
    await run(roles, stop)
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
