"""Kafka and MongoDB from their official images, for POSTBUS_STACK=docker.

Needs a Docker engine.
"""

from typing import Final

from docker.errors import DockerException  # type: ignore[import-untyped]  # docker ships no types
from testcontainers.core.container import DockerContainer

from stack.errors import Unsupported
from stack.kafka import READY_TIMEOUT, wait_for_cluster
from stack.mongo import answers_ping
from stack.polling import accepts_connections, wait_until
from stack.ports import HOST

KAFKA_IMAGE: Final = "apache/kafka:4.3.1"
MONGO_IMAGE: Final = "mongo:8"


class KafkaContainer:
    """One KRaft node in a container, its data in a named volume."""

    def __init__(self, *, port: int, volume: str) -> None:
        self.bootstrap_servers = f"{HOST}:{port}"
        self._port = port
        self._container = (
            DockerContainer(KAFKA_IMAGE)
            .with_envs(
                KAFKA_NODE_ID="1",
                KAFKA_PROCESS_ROLES="broker,controller",
                KAFKA_LISTENERS=f"PLAINTEXT://:{port},CONTROLLER://:9093",
                KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{HOST}:{port}",
                KAFKA_LISTENER_SECURITY_PROTOCOL_MAP="PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
                KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
                KAFKA_LOG_DIRS="/var/lib/kafka/data",
                KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
                KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
                KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
                KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
                KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
                KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR="1",
                KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR="1",
            )
            .with_volume_mapping(volume, "/var/lib/kafka/data", "rw")
            # The same port number outside: clients connect to the address that the node advertises.
            .with_kwargs(ports={f"{port}/tcp": (HOST, port)})
        )

    def start(self) -> None:
        """Start the container; return once the node answers."""
        run(self._container)
        wait_until(lambda: accepts_connections(self._port), name="kafka", timeout=READY_TIMEOUT)
        wait_for_cluster(self.bootstrap_servers)

    def stop(self) -> None:
        """Stop the container; its volume stays."""
        # testcontainers deletes volumes by default, which would lose the data.
        self._container.stop(delete_volume=False)


class MongoContainer:
    """One MongoDB in a container, its data in a named volume."""

    def __init__(self, *, port: int, volume: str) -> None:
        self.url = f"mongodb://{HOST}:{port}/?directConnection=true"
        self._container = (
            DockerContainer(MONGO_IMAGE)
            .with_volume_mapping(volume, "/data/db", "rw")
            .with_kwargs(ports={"27017/tcp": (HOST, port)})
        )

    def start(self) -> None:
        """Start the container; return once it answers."""
        run(self._container)
        wait_until(lambda: answers_ping(self.url), name="mongo", timeout=READY_TIMEOUT)

    def stop(self) -> None:
        """Stop the container; its volume stays."""
        self._container.stop(delete_volume=False)


def run(container: DockerContainer) -> None:
    """Start a container.

    Raises:
        Unsupported: there is no Docker engine, or it cannot get the image.
    """
    try:
        container.start()
    except DockerException as refused:
        raise Unsupported(what="POSTBUS_STACK=docker", why=str(refused)) from refused
