"""Kafka's jars: fetched once per user, used only if their checksums match."""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tomli_w
from jgo.maven import MavenContext, PythonResolver
from rich.progress import Progress

from stack.errors import DownloadFailed

LOCK_FILE: Final = Path(__file__).with_name("kafka.lock.toml")
COORDINATES: Final = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    # Named explicitly: the resolver alone picks a version that the broker cannot load.
    "org.apache.kafka:kafka-clients:4.3.1",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.1",
    "org.apache.logging.log4j:log4j-core:2.25.1",
)
FETCH_TOGETHER: Final = 6
ANSWER_TIMEOUT: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One locked file of a Maven repository."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """Its name in every repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def cache_folder() -> Path:
    """Return the folder for downloads: POSTBUS_CACHE, else one in the user's cache.

    Every stack of the user shares it.
    """
    if given := os.environ.get("POSTBUS_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postbus"


def locked_jars(lock: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Read the lock file."""
    return tuple(Jar(**entry) for entry in tomllib.loads(lock.read_text())["jar"])


def classpath(jars: Sequence[Jar] | None = None, *, cache: Path | None = None) -> str:
    """Return Kafka's class path, after fetching the jars that the cache does not have.

    Raises:
        DownloadFailed: a jar could not be fetched, or its checksum is not the locked one.
    """
    wanted = locked_jars() if jars is None else tuple(jars)
    folder = (cache or cache_folder()) / "jars"
    folder.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(folder):
        missing = [jar for jar in wanted if _checksum(folder / jar.filename) != jar.sha256]
        if missing:
            _fetch(missing, folder)
    return os.pathsep.join(str(folder / jar.filename) for jar in wanted)


def write_lock(lock: Path = LOCK_FILE) -> None:
    """Resolve Kafka's dependencies; write versions and checksums to the lock file."""
    with tempfile.TemporaryDirectory() as folder:
        maven = MavenContext(resolver=PythonResolver(), repo_cache=Path(folder), timeout=ANSWER_TIMEOUT)
        named, implied = maven.resolver.resolve([maven.create_dependency(text) for text in COORDINATES])
        needed = [*named, *(one for one in implied if one.scope in {"compile", "runtime"})]
        entries = [
            {
                "group": one.artifact.groupId,
                "artifact": one.artifact.artifactId,
                "version": one.artifact.version,
                "sha256": _checksum(one.artifact.resolve()),
            }
            for one in needed
        ]
    lock.write_text(tomli_w.dumps({"jar": entries}))


def _fetch(jars: Sequence[Jar], folder: Path) -> None:
    with (
        # Within the cache, so that a finished jar is moved there in one step.
        tempfile.TemporaryDirectory(dir=folder) as staging,
        Progress() as progress,
        ThreadPoolExecutor(FETCH_TOGETHER) as pool,
    ):
        maven = MavenContext(resolver=PythonResolver(), repo_cache=Path(staging), timeout=ANSWER_TIMEOUT)
        fetched = pool.map(lambda jar: _fetch_one(jar, maven, folder), jars)
        for _ in progress.track(fetched, total=len(jars), description="Fetching Apache Kafka"):
            pass


def _fetch_one(jar: Jar, maven: MavenContext, folder: Path) -> None:
    component = maven.project(jar.group, jar.artifact).at_version(jar.version)
    try:
        path = component.artifact("", "jar").resolve()
    except (OSError, RuntimeError) as failure:
        raise DownloadFailed(jar.filename, str(failure)) from failure
    if _checksum(path) != jar.sha256:
        raise DownloadFailed(jar.filename, "its checksum is not the locked one")
    path.replace(folder / jar.filename)


def _checksum(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    # Parallel test runs start brokers at the same time. One of them fetches, the others wait and find the jars.
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    write_lock()
