"""The environment chooses where Kafka and MongoDB come from."""

import pytest

from stack.errors import Unsupported
from stack.options import FIRST_TENANT, Options


def test_environment_gives_addresses() -> None:
    given = Options.from_environment({"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "MONGODB_URL": "mongodb://db"})
    assert (given.kafka, given.mongodb, given.containers) == ("broker:9092", "mongodb://db", False)


def test_environment_asks_for_containers() -> None:
    assert Options.from_environment({"POSTBUS_STACK": "docker"}).containers


def test_empty_environment_gives_the_terminal_defaults() -> None:
    chosen = Options.from_environment({})
    assert (chosen.usual_ports, chosen.tenant, chosen.partitions) == (True, FIRST_TENANT, 4)


def test_environment_with_an_unknown_kind_is_refused() -> None:
    with pytest.raises(Unsupported, match="its value is kubernetes"):
        Options.from_environment({"POSTBUS_STACK": "kubernetes"})
