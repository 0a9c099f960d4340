"""Fixtures for all tests: one Kafka and one store for a whole test run, for all its workers."""

import fcntl
import gc
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hypothesis import settings

from stack.infrastructure import choose_kafka, choose_mongo
from stack.kafka import Kafka
from stack.mongo import Mongo
from stack.options import Options
from stack.ports import pick_port

# A deadline for each example would judge how busy the machine is.
settings.register_profile("postbus", deadline=None)
settings.load_profile("postbus")
# Helpers explain their assertions as tests do.
pytest.register_assert_rewrite("builders", "fakes", "harness")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Collect garbage now, and no more: plugins import modules at the end of a session.

    A forgotten future prints its traceback when it is collected, which parses source. Python 3.11 mixes that up with
    the parsing of the module being imported, and ends with a SystemError.
    """
    gc.collect()
    gc.disable()


MakeTopic = Callable[..., Awaitable[str]]


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this test run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def kafka(run_folder: Path) -> Iterator[str]:
    """Bootstrap servers of the run's Kafka. Topics and groups need names of their own: `unique`, `make_topic`."""
    with shared(run_folder, "kafka", lambda: _kafka(run_folder)) as bootstrap_servers:
        yield bootstrap_servers


@pytest.fixture(scope="session")
def mongodb_url(run_folder: Path) -> Iterator[str]:
    """Address of the run's store. Databases need names of their own: `unique`."""
    with shared(run_folder, "mongo", lambda: _mongo(run_folder)) as url:
        yield url


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Makes a name that is unique in this run."""
    return lambda name: f"{name}-{uuid4().hex[:12]}"


@pytest.fixture
def make_topic(kafka: str, unique: Callable[[str], str]) -> MakeTopic:
    """Creates a topic of its own: `await make_topic(partitions=3, compacted=True)` returns its name."""

    async def make(*, partitions: int = 1, compacted: bool = False, name: str = "test") -> str:
        topic = unique(name)
        settings = {"cleanup.policy": "compact" if compacted else "delete"}
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        try:
            new = NewTopic(name=topic, num_partitions=partitions, replication_factor=1, topic_configs=settings)
            await admin.create_topics([new])
        finally:
            await admin.close()
        return topic

    return make


@contextmanager
def shared(folder: Path, name: str, start: Callable[[], tuple[str, Callable[[], None]]]) -> Iterator[str]:
    """Share one server between pytest workers: the first starts it, and stops it when no other uses it."""
    address = folder / f"{name}.address"
    stop: Callable[[], None] | None = None
    with (folder / f"{name}.gate").open("w") as gate, (folder / f"{name}.users").open("w") as users:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        if not address.exists():
            where, stop = start()
            address.write_text(where)
        fcntl.flock(gate, fcntl.LOCK_UN)
        try:
            yield address.read_text()
        finally:
            if stop:
                # Waits for the last other worker. A later one finds no address and starts a server of its own.
                fcntl.flock(users, fcntl.LOCK_EX)
                address.unlink()
                stop()


def _kafka(folder: Path) -> tuple[str, Callable[[], None]]:
    port = pick_port()
    part: Kafka = choose_kafka(
        Options.from_environment(), folder / "kafka", {"kafka": port, "controller": pick_port(avoid={port})}
    )
    part.start()
    return part.bootstrap_servers, part.stop


def _mongo(folder: Path) -> tuple[str, Callable[[], None]]:
    part: Mongo = choose_mongo(Options.from_environment(), folder / "mongo", {"mongodb": pick_port()})
    part.start()
    return part.url, part.stop
