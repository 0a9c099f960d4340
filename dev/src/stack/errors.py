"""What can go wrong with the local stack.

StackError
├── Unsupported       this machine lacks something that cannot be installed for it
├── DownloadFailed    a part could not be fetched, or is not what the lock says
├── PartDied          a part ended while it was waited for
├── NotReady          a part did not become ready in time
├── KeyRefused        auth did not make an API key
└── AlreadyRunning    another process runs a stack in this folder
"""

from pathlib import Path

TAIL_LINES = 15


class StackError(Exception):
    """Anything the local stack cannot do; its text is meant for a person."""


class Unsupported(StackError):
    """This machine lacks something that cannot be installed for it, or nobody knows what is asked for."""

    def __init__(self, *, what: str, why: str) -> None:
        super().__init__(f"{what} is not possible here: {why}")


class DownloadFailed(StackError):
    """A part could not be fetched, or is not what the lock says."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"could not fetch {what}: {why}")


class PartDied(StackError):
    """A part ended while it was waited for."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"{name} ended; the last lines of {log.name}:\n{tail(log)}")


class NotReady(StackError):
    """A part did not become ready in time."""

    def __init__(self, name: str, seconds: float, log: Path | None = None) -> None:
        shown = f"; the last lines of {log.name}:\n{tail(log)}" if log else ""
        super().__init__(f"{name} was not ready after {seconds:.0f} s{shown}")


class KeyRefused(StackError):
    """Auth did not make an API key."""

    def __init__(self, tenant: str, status: int, why: str) -> None:
        super().__init__(f"auth made no API key for tenant {tenant}: HTTP {status}, {why}")


class AlreadyRunning(StackError):
    """Another process runs a stack in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"a stack already runs in {folder}; Ctrl-C where it runs ends it, or `make down`")


def tail(log: Path) -> str:
    """Give the last lines of a log, or an empty text where there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
