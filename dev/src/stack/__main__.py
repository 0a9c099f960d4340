"""`python -m stack up|down|status`: the local stack from a terminal."""

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import psutil
from rich.console import Console
from rich.table import Table

from stack import jars, state
from stack.errors import NotReady, ProcessExited, StackError
from stack.local import API_KEY_FILE, Stack
from stack.options import FIRST_TENANT, Options
from stack.polling import wait_until

DEFAULT_FOLDER: Final = Path(".stack")
READY_TIMEOUT: Final = 180.0
STOP_TIMEOUT: Final = 60.0
NOT_RUNNING: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where data, logs and keys are kept")
    parser.add_argument("--foreground", action="store_true", help="stay in this terminal until Ctrl-C")
    given = parser.parse_args(arguments)
    folder = given.folder.absolute()
    try:
        match given.command:
            case "up":
                return run(folder) if given.foreground else up(folder)
            case "down":
                return down(folder)
            case _:
                return status(folder)
    except StackError as problem:
        Console(stderr=True).print(str(problem), style="red", markup=False)
        return 1


def up(folder: Path) -> int:
    """Start the stack as a process of its own, unless it runs; return once it is ready."""
    options = Options.from_environment()
    if not state.is_locked(folder):
        if not (options.kafka or options.containers):
            # Fetched here, where the user sees the progress, and not in the background.
            jars.classpath()
        _start_in_background(folder)
    wait_until(lambda: _is_ready(folder), name="the stack", timeout=READY_TIMEOUT)
    return status(folder)


def run(folder: Path) -> int:
    """Run the stack in this process until SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    # A shell that starts this in the background sets SIGINT to be ignored. It must still stop the stack.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Stack(folder, Options.from_environment()):
            status(folder)
            threading.Event().wait()
    except KeyboardInterrupt:
        Console().print("Stopped.")
    return 0


def down(folder: Path) -> int:
    """Stop the stack of this folder and wait until its processes have ended. It may be another terminal's."""
    last = state.read(folder)
    if last is None or not state.is_locked(folder):
        Console().print("No stack runs here. Nothing to stop.")
        return 0
    os.kill(last.pid, signal.SIGTERM)
    wait_until(lambda: not psutil.pid_exists(last.pid), name="the stack's end", timeout=STOP_TIMEOUT)
    Console().print("Stopped.")
    return 0


def status(folder: Path) -> int:
    """Print the addresses of the running stack."""
    now = state.read(folder)
    if now is None or not state.is_locked(folder):
        Console().print("No stack runs here. Start one with `make up`.")
        return NOT_RUNNING
    table = Table(title="Postbus, local stack" if now.ready else "Postbus, local stack (starting)")
    table.add_column("process")
    table.add_column("address")
    for name, address in now.addresses.items():
        table.add_row(name, address)
    table.add_row("certificate authority", now.ca_file)
    table.add_row(f"API key of {FIRST_TENANT}", str(folder / API_KEY_FILE))
    table.add_row("logs", str(folder / "logs"))
    Console().print(table)
    return 0


def _start_in_background(folder: Path) -> None:
    log = folder / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "stack", "up", "--foreground", "--folder", str(folder)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until(
            lambda: process.poll() is not None or _is_ready(folder, process.pid),
            name="the stack",
            timeout=READY_TIMEOUT,
        )
    except (NotReady, KeyboardInterrupt):
        process.terminate()
        raise
    if process.returncode is not None:
        raise ProcessExited(command[2], log)


def _is_ready(folder: Path, pid: int | None = None) -> bool:
    now = state.read(folder)
    return now is not None and now.ready and (pid is None or now.pid == pid) and psutil.pid_exists(now.pid)


def _exit_on_sigterm(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
