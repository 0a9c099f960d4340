"""What a stack writes down about itself, so that other processes find it and its next start is like the last."""

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
    """One stack's whereabouts. Written when it starts, when it is ready and when it has stopped."""

    pid: int
    ready: bool = False
    ports: dict[str, int] = {}
    addresses: dict[str, str] = {}
    ca_file: str = ""


def read(folder: Path) -> State | None:
    """Return what the last stack of this folder wrote, or None where there was none."""
    path = folder / STATE_FILE
    return msgspec.json.decode(path.read_bytes(), type=State) if path.exists() else None


def write(folder: Path, state: State) -> None:
    """Replace what is written, so that a reader sees the old or the new and nothing between."""
    fresh = folder / f"{STATE_FILE}.new"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=2))
    fresh.replace(folder / STATE_FILE)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder for one stack. The kernel lets go of it when the holder ends, however it ends.

    Raises:
        AlreadyRunning: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise AlreadyRunning(folder) from held
        yield


def is_ours(folder: Path) -> bool:
    """Say whether a stack may do in the folder as it likes: nothing is there, or a stack was."""
    return not folder.exists() or (folder / LOCK_FILE).exists() or not any(folder.iterdir())


def is_claimed(folder: Path) -> bool:
    """Say whether a stack runs in the folder, started or starting."""
    try:
        with claimed(folder):
            return False
    except AlreadyRunning:
        return True
