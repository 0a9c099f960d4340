"""Where Kafka and MongoDB come from: given addresses win over containers, and containers over packages."""

from pathlib import Path

from stack.infrastructure import choose_kafka, choose_mongo
from stack.kafka import Broker, ExternalKafka
from stack.mongo import ExternalMongo, MongoServer
from stack.options import Options

PORTS = {"kafka": 19092, "controller": 19093, "mongodb": 17017}


def test_default_choice_is_packages_on_the_given_ports(tmp_path: Path) -> None:
    kafka, mongo = choose_kafka(Options(), tmp_path, PORTS), choose_mongo(Options(), tmp_path, PORTS)
    assert isinstance(kafka, Broker)
    assert isinstance(mongo, MongoServer)
    assert (kafka.bootstrap_servers, mongo.port) == ("127.0.0.1:19092", 17017)


def test_given_addresses_win_over_containers(tmp_path: Path) -> None:
    options = Options(kafka="broker:9092", mongodb="mongodb://db", containers=True)
    kafka, mongo = choose_kafka(options, tmp_path, PORTS), choose_mongo(options, tmp_path, PORTS)
    assert isinstance(kafka, ExternalKafka)
    assert isinstance(mongo, ExternalMongo)
    assert (kafka.bootstrap_servers, mongo.url) == ("broker:9092", "mongodb://db")
