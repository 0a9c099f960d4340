"""Chooses where Kafka and MongoDB come from.

Given addresses come first, then containers if they are asked for, else packages.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from stack.containers import KafkaContainer, MongoContainer
from stack.kafka import Broker, ExternalKafka, Kafka
from stack.mongo import ExternalMongo, Mongo, MongoServer
from stack.options import Options


def choose_kafka(options: Options, folder: Path, ports: Mapping[str, int]) -> Kafka:
    """Return the Kafka of this folder's stack, not started yet."""
    if options.kafka:
        return ExternalKafka(options.kafka)
    if options.containers:
        return KafkaContainer(port=ports["kafka"], volume=_volume("kafka", folder))
    log = folder / "logs" / "kafka.log"
    return Broker(folder / "kafka", port=ports["kafka"], controller_port=ports["controller"], log=log)


def choose_mongo(options: Options, folder: Path, ports: Mapping[str, int]) -> Mongo:
    """Return the MongoDB of this folder's stack, not started yet."""
    if options.mongodb:
        return ExternalMongo(options.mongodb)
    if options.containers:
        return MongoContainer(port=ports["mongodb"], volume=_volume("mongo", folder))
    return MongoServer(folder / "mongo", port=ports["mongodb"], log=folder / "logs" / "mongodb.log")


def _volume(server: str, folder: Path) -> str:
    # The folder's hash in the name keeps the data of several stacks on one machine apart.
    return f"postbus-{server}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
