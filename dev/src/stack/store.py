"""The store: a server that speaks MongoDB's wire protocol, as a child process with its data in a folder."""

import sysconfig
from pathlib import Path
from typing import Final, Protocol

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from stack.ports import HOST, pick
from stack.processes import Child
from stack.waiting import accepts, until

USUAL_PORT: Final = 27017
READY_WITHIN: Final = 60.0
PING_WITHIN_MS: Final = 2000


class Mongo(Protocol):
    """A MongoDB the stack can use, wherever it comes from."""

    @property
    def url(self) -> str:
        """Where clients connect."""

    def start(self) -> None:
        """Return once it can be used."""

    def stop(self) -> None:
        """End it, where it is ours."""


class GivenMongo:
    """A MongoDB somebody else runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        """Do nothing: it runs already."""

    def stop(self) -> None:
        """Do nothing: it is not ours."""


class Store:
    """A server of ours. Starting it again in the same folder finds the data of the last time."""

    def __init__(self, folder: Path, *, port: int | None = None, log: Path | None = None) -> None:
        self._folder = folder
        self.port = port or pick()
        self._log = log or folder / "store.log"
        self.process: Child | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"mongodb://{HOST}:{self.port}/?directConnection=true"

    def start(self) -> None:
        """Start the server; return once it answers.

        Raises:
            PartDied: it ended at once.
            NotReady: it did not answer in time.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # Given explicitly, so that no settings file of this user or machine is found and used instead.
        settings = self._folder / "secantusd.toml"
        settings.touch()
        command = [
            str(Path(sysconfig.get_path("scripts")) / "secantusd-py"),
            *("--config", str(settings), "--host", HOST, "--port", str(self.port)),
            *("--storage-path", str(self._folder / "data"), "--cache-size", "256M", "--sync-on-commit"),
        ]
        self.process = Child("store", command, log=self._log, folder=self._folder)
        self.process.start()
        until(lambda: accepts(self.port) and pings(self.url), name="store", timeout=READY_WITHIN, child=self.process)

    def stop(self) -> None:
        """Shut the server down in order; its data stays."""
        if self.process:
            self.process.stop()


def pings(url: str) -> bool:
    """Say whether a MongoDB answers at the address."""
    try:
        with MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=PING_WITHIN_MS) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
