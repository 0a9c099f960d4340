"""The registry is whole: every body stands in it, and its readers are the services that read."""

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import common.contract
from common.contract import topics
from common.contract.body import Body
from common.contract.registry import BODIES, READERS, REGISTRY, writers_of
from common.contract.topics import ALL_TOPICS, CONTRACT, SERVICES, Topic
from common.streams import Processor

ROOT = Path(__file__).parents[3]
CONSTANTS = {topic.name: name for name, topic in vars(topics).items() if isinstance(topic, Topic)}

for found in pkgutil.iter_modules(common.contract.__path__):
    importlib.import_module(f"common.contract.{found.name}")
for service in SERVICES:
    for module in ("processor", "machine"):
        if importlib.util.find_spec(f"{service}_service.{module}"):
            importlib.import_module(f"{service}_service.{module}")


def subclasses(of: type[Any]) -> Iterator[type[Any]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def unregistered(bodies: Iterator[type[Body]]) -> list[str]:
    """The bodies with a type of their own that the registry does not know."""
    return [body.__name__ for body in bodies if hasattr(body, "ce_type") and body not in BODIES]


def processors(service: str) -> list[type[Processor[Any, Any, Any]]]:
    return [each for each in subclasses(Processor) if each.__module__.startswith(f"{service}_service.")]


def test_every_body_is_registered() -> None:
    assert unregistered(each for each in subclasses(Body) if each.__module__.startswith("common.")) == []


def test_forgotten_body_is_found() -> None:
    class Forgotten(Body, frozen=True, kw_only=True):
        ce_type = "post.forgotten"

    assert "Forgotten" in unregistered(subclasses(Body))


def test_newest_body_is_the_one_that_services_see() -> None:
    for body in BODIES:
        newest = max(REGISTRY.versions(body.topic.name, body.ce_type))
        assert (body in REGISTRY.upgrades) == (body.schema_version < newest)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.versioned_name())
def test_event_is_written_by_writers_of_its_topic(body: type[Body]) -> None:
    assert writers_of(body)
    assert set(writers_of(body)) <= set(body.topic.writers)


def test_every_writer_of_a_topic_writes_an_event() -> None:
    for topic in CONTRACT:
        writers = {writer for body in BODIES if body.topic == topic for writer in writers_of(body)}
        assert writers == set(topic.writers), topic.name


def test_every_topic_has_readers() -> None:
    assert set(READERS) == set(ALL_TOPICS)


@pytest.mark.parametrize("service", SERVICES)
def test_processor_reads_only_topics_of_its_service(service: str) -> None:
    found = processors(service)
    assert found, "every service has a processor"
    for processor in found:
        for topic in (*processor.inputs, *processor.views):
            assert service in READERS[topic], f"{processor.__name__} reads {topic.name}"


@pytest.mark.parametrize("service", SERVICES)
def test_reader_of_a_topic_names_it_in_its_code(service: str) -> None:
    folder = ROOT / f"services/{service}/src/{service}_service"
    text = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    unread = [
        topic.name
        for topic in CONTRACT
        if service in READERS[topic] and not re.search(rf"\b{CONSTANTS[topic.name]}\b", text)
    ]
    assert unread == []
