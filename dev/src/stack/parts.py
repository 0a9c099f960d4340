"""Chooses where Kafka and MongoDB come from: given addresses first, then containers if asked for, else packages."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from stack.containers import KafkaContainer, MongoContainer
from stack.kafka import Broker, GivenKafka, Kafka
from stack.options import Options
from stack.store import GivenMongo, Mongo, Store


def choose_kafka(options: Options, folder: Path, ports: Mapping[str, int]) -> Kafka:
    """Return the Kafka a stack of this folder uses, not started yet."""
    if options.kafka:
        return GivenKafka(options.kafka)
    if options.containers:
        return KafkaContainer(port=ports["kafka"], volume=_volume("kafka", folder))
    log = folder / "logs" / "kafka.log"
    return Broker(folder / "kafka", port=ports["kafka"], controller_port=ports["controller"], log=log)


def choose_mongo(options: Options, folder: Path, ports: Mapping[str, int]) -> Mongo:
    """Return the MongoDB a stack of this folder uses, not started yet."""
    if options.mongodb:
        return GivenMongo(options.mongodb)
    if options.containers:
        return MongoContainer(port=ports["store"], volume=_volume("mongo", folder))
    return Store(folder / "mongo", port=ports["store"], log=folder / "logs" / "store.log")


def _volume(part: str, folder: Path) -> str:
    return f"postbus-{part}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
