"""Runs the uploader: `python -m uploader_service [worker]`."""

import argparse
import asyncio
import signal
import sys

import structlog

from common import logs
from common.errors import CommonError
from uploader_service.outcomes import SERVICE
from uploader_service.wiring import run

log = structlog.get_logger(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop, 1 where the process cannot go on."""
    parser = argparse.ArgumentParser(prog="python -m uploader_service", description="Takes posts to TikTok.")
    parser.add_argument("role", nargs="?", choices=["worker"], default="worker", help="the only role there is")
    parser.parse_args()
    logs.configure(SERVICE)
    try:
        asyncio.run(_run_until_signalled())
    except CommonError as error:
        log.critical("cannot_start", fault=str(error))
        return 1
    except Exception:
        # The supervisor starts a process anew; what it cannot do is find out why.
        log.critical("process_failed", exc_info=True)
        return 1
    return 0


async def _run_until_signalled() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("starting")
    await run(stop)
    log.info("stopped")


if __name__ == "__main__":
    sys.exit(main())
