"""Command `python -m common.streams.topics`: creates the contract's topics on the cluster and checks them."""

import asyncio

from common.service.settings import KafkaSettings
from common.streams.log.topics import ensure_topics


def main() -> None:
    """Create what is missing with the settings of the environment. Raises `WrongTopics`."""
    kafka = KafkaSettings()
    asyncio.run(
        ensure_topics(kafka.bootstrap_servers, partitions=kafka.partitions, replication_factor=kafka.replication_factor)
    )


if __name__ == "__main__":
    main()
