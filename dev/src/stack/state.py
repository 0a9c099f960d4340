"""A stack's state file and lock.

Other processes find its addresses there, and its next start takes the same ports.
"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from stack.errors import AlreadyRunning

STATE_FILE: Final = "state.json"
LOCK_FILE: Final = "lock"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where one stack's processes are. Written when it starts and when it is ready."""

    pid: int
    ready: bool = False
    ports: dict[str, int] = {}
    addresses: dict[str, str] = {}
    ca_file: str = ""


def read(folder: Path) -> State | None:
    """Return what the last stack of this folder wrote; None if there was none."""
    path = folder / STATE_FILE
    return msgspec.json.decode(path.read_bytes(), type=State) if path.exists() else None


def write(folder: Path, state: State) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    fresh = folder / f"{STATE_FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2))
    fresh.replace(folder / STATE_FILE)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder for one stack.

    The kernel releases the lock when the process ends, even by a kill.

    Raises:
        AlreadyRunning: another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        # flock, not a pid file: after a crash the pid may belong to another process.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise AlreadyRunning(folder) from held
        yield


def is_stack_folder(folder: Path) -> bool:
    """Return whether everything in the folder is a stack's.

    That is so if it is missing, empty, or has a stack's lock file.
    """
    return not folder.exists() or (folder / LOCK_FILE).exists() or not any(folder.iterdir())


def is_locked(folder: Path) -> bool:
    """Return whether a stack runs in the folder; one that is still starting counts."""
    try:
        with locked(folder):
            return False
    except AlreadyRunning:
        return True
