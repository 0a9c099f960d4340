"""The stand-in for MongoDB: a server of its wire protocol, as a child process.

The server is GPL-2.0-only. It is only ever started as a process of its own, never imported.
"""

import sysconfig
from pathlib import Path
from typing import Final, Protocol

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from stack.polling import accepts_connections, wait_until
from stack.ports import HOST, pick_port
from stack.processes import Child

USUAL_PORT: Final = 27017
READY_TIMEOUT: Final = 60.0
PING_TIMEOUT_MS: Final = 2000


class Mongo(Protocol):
    """A MongoDB that the stack can use, ours or not."""

    @property
    def url(self) -> str:
        """The address that clients connect to."""

    def start(self) -> None:
        """Start it if it is ours; return once it answers."""

    def stop(self) -> None:
        """Stop it if it is ours."""


class ExternalMongo:
    """A MongoDB that the stack does not run."""

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        """Do nothing: it runs already."""

    def stop(self) -> None:
        """Do nothing: it is not ours."""


class MongoServer:
    """A server that the stack runs.

    Started again in the same folder, it has its data again.
    """

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        self._folder = folder
        self.port = port or pick_port()
        self._log = log or folder / "mongodb.log"
        self.process: Child | None = None

    @property
    def url(self) -> str:
        """The address that clients connect to."""
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    def start(self) -> None:
        """Start the server; return once it answers.

        Raises:
            ProcessExited: it ended at once.
            NotReady: it did not answer in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Named explicitly: otherwise the server looks for a settings file of the user or the machine.
        settings = self._folder / "secantusd.toml"
        settings.touch()
        command = [
            str(Path(sysconfig.get_path("scripts")) / "secantusd-py"),
            *("--config", str(settings), "--host", HOST, "--port", str(self.port)),
            *("--storage-path", str(self._folder / "data"), "--cache-size", "256M", "--sync-on-commit"),
        ]
        self.process = Child("mongodb", command, log=self._log, folder=self._folder)
        self.process.start()
        wait_until(
            lambda: accepts_connections(self.port) and answers_ping(self.url),
            name="mongodb",
            timeout=READY_TIMEOUT,
            child=self.process,
        )

    def stop(self) -> None:
        """Shut the server down; its data stays."""
        if self.process:
            self.process.stop()


def answers_ping(url: str) -> bool:
    """Return whether a MongoDB answers at the address."""
    try:
        with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=PING_TIMEOUT_MS) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
