"""What can go wrong with the local stack.

StackError
├── Unsupported         this machine or this setting does not allow what was asked for
├── DownloadFailed      a file could not be fetched, or is not the locked one
├── ProcessExited       a process ended while it was waited for
├── NotReady            a condition was not met in time
├── ApiKeyNotCreated    auth did not create an API key
├── AlreadyRunning      another process runs a stack in this folder
├── NotRunning          no stack runs in this folder
├── NoClip              the media folder has no clip
├── NoAccount           no account was connected
└── RequestRefused      the publisher refused a post
"""

from pathlib import Path

TAIL_LINES = 15


class StackError(Exception):
    """Base of the local stack's errors; the text is for the person at the terminal."""


class Unsupported(StackError):
    """This machine or this setting does not allow what was asked for."""

    def __init__(self, *, what: str, why: str) -> None:
        super().__init__(f"{what} is not possible here: {why}")


class DownloadFailed(StackError):
    """A file could not be fetched, or is not the locked one."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"Could not fetch {what}: {why}. Check the connection and try again.")


class ProcessExited(StackError):
    """A process ended while it was waited for."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"{name} ended. The last lines of {log.name}:\n{tail(log)}")


class NotReady(StackError):
    """A condition was not met in time."""

    def __init__(self, name: str, seconds: float, log: Path | None = None) -> None:
        lines = f" The last lines of {log.name}:\n{tail(log)}" if log else ""
        super().__init__(f"{name} was not ready after {seconds:.0f} s.{lines}")


class ApiKeyNotCreated(StackError):
    """Auth did not create an API key."""

    def __init__(self, tenant: str, status: int, why: str) -> None:
        super().__init__(f"Auth created no API key for tenant {tenant}: HTTP {status}, {why}")


class AlreadyRunning(StackError):
    """Another process runs a stack in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"A stack already runs in {folder}. Stop it with `make down`, or Ctrl-C in its terminal.")


class NotRunning(StackError):
    """No stack runs in this folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"No stack runs in {folder}. Start one with `make up`.")


class NoClip(StackError):
    """The media folder has no clip."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no video at {path}. Make one with `make clip`.")


class NoAccount(StackError):
    """No account was connected."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"No account is connected: {path} does not exist. Connect one with `make connect`.")


class RequestRefused(StackError):
    """The publisher refused a post."""

    def __init__(self, status: int, *, code: str, why: str) -> None:
        super().__init__(f"The publisher refused the post: HTTP {status}, {code}. {why}")


def tail(log: Path) -> str:
    """Return the last lines of a log; an empty text if there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
