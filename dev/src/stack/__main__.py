"""`python -m stack`: the local stack and README's first steps from a terminal."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import httpx
import psutil
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from stack import first_steps, jars, state
from stack.demo.display import Stopwatch, open_display
from stack.demo.scenario import CREATOR
from stack.errors import NotReady, ProcessExited, StackError
from stack.local import API_KEY_FILE, Stack
from stack.options import FIRST_TENANT, Options
from stack.polling import wait_until

DEFAULT_FOLDER: Final = Path(".stack")
STACK: Final = "The stack"
READY_TIMEOUT: Final = 180.0
STOP_TIMEOUT: Final = 60.0
NOT_RUNNING: Final = 3
INTERRUPTED: Final = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells count it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for and return the exit status."""
    given = _parser().parse_args(arguments)
    folder = given.folder.absolute()
    try:
        match given.command:
            case "up":
                return run(folder) if given.foreground else up(folder)
            case "down":
                return down(folder)
            case "status":
                return status(folder)
            case _:
                return _first_step(given, folder)
    except (StackError, httpx.HTTPError, KafkaError) as problem:
        message = str(problem) if isinstance(problem, StackError) else _no_answer(problem)
        Console(stderr=True).print(message, style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where data, logs and keys are kept")
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, parents=[shared], help=text)

    up_command = command("up", "start the stack; return once it is ready")
    up_command.add_argument("--foreground", action="store_true", help="stay in this terminal until Ctrl-C")
    command("down", "stop the stack; its data stays")
    command("status", "print the addresses of the running stack")
    command("clip", "make a short real video in the media folder")
    connect = command("connect", "connect an account through the consent page")
    connect.add_argument("--creator", default=CREATOR, help="the sandbox's creator to connect")
    post = command("post", "request a post of the clip and follow it to its end")
    post.add_argument("--via", choices=("http", "kafka"), default="http", help="how to request it")
    post.add_argument("--post-id", default="", help="its idempotency key; a new one if absent")
    return parser


def _first_step(given: argparse.Namespace, folder: Path) -> int:
    with open_display(Console(highlight=False), Stopwatch()) as display:
        match given.command:
            case "clip":
                first_steps.make_clip(folder, display)
            case "connect":
                asyncio.run(first_steps.connect_account(folder, display, creator=given.creator))
            case _:
                asyncio.run(first_steps.post_clip(folder, display, via=given.via, post_id=given.post_id))
    return 0


def _no_answer(problem: Exception) -> str:
    return f"The stack did not answer: {str(problem) or type(problem).__name__}. Check it with `make status`."


def up(folder: Path) -> int:
    """Start the stack in the background, unless it runs; return once it is ready."""
    options = Options.from_environment()
    if not state.is_locked(folder):
        if not (options.kafka or options.containers):
            # Fetched here, where the user sees the progress, and not in the background.
            jars.classpath()
        _start_in_background(folder)
    wait_until(lambda: _is_ready(folder), name=STACK, timeout=READY_TIMEOUT)
    return status(folder)


def run(folder: Path) -> int:
    """Run the stack in this process until SIGINT or SIGTERM."""
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    # A shell that starts this in the background sets SIGINT to be ignored. It must still stop the stack.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Stack(folder, Options.from_environment()):
            status(folder)
            # The children have threads of their own; this one only waits for a signal.
            threading.Event().wait()
    except KeyboardInterrupt:
        Console().print("Stopped.")
    return 0


def down(folder: Path) -> int:
    """Stop the stack of this folder and wait until its processes have ended.

    Any terminal can stop it: the state file names the process to signal.
    """
    last = state.read(folder)
    if last is None or not state.is_locked(folder):
        Console().print("No stack runs here. Nothing to stop.")
        return 0
    os.kill(last.pid, signal.SIGTERM)
    wait_until(lambda: not psutil.pid_exists(last.pid), name="The end of the stack", timeout=STOP_TIMEOUT)
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
        # A session of its own: closing this terminal does not stop the stack.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_until(
            lambda: process.poll() is not None or _is_ready(folder, process.pid),
            name=STACK,
            timeout=READY_TIMEOUT,
        )
    except (NotReady, KeyboardInterrupt):
        process.terminate()
        raise
    if process.returncode is not None:
        raise ProcessExited(STACK, log)


def _is_ready(folder: Path, pid: int | None = None) -> bool:
    # A killed stack leaves a state file that still looks ready, so its process has to exist.
    now = state.read(folder)
    return now is not None and now.ready and (pid is None or now.pid == pid) and psutil.pid_exists(now.pid)


def _exit_on_sigterm(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
