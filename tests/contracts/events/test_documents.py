"""The published documents match the code, are consistent, and describe what the services do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from common.contract.registry import BODIES
from common.contract.topics import ALL_TOPICS, CONTRACT
from contract_docs import events
from contract_docs.asyncapi import asyncapi_document
from contract_docs.schemas import schema_of

ROOT = Path(__file__).parents[3]
DOCUMENT = asyncapi_document()


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (value for name, value in node.items() if name == "$ref")
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(reference: str) -> Any:
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_committed_documents_match_the_code() -> None:
    assert events.stale_files(ROOT / events.DEFAULT_FOLDER) == [], "run `make events`"


def test_check_names_each_stale_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert events.main(["--out", str(tmp_path)]) == 0
    assert events.main(["--check", "--out", str(tmp_path)]) == 0
    (tmp_path / "README.md").write_text("changed by hand")
    (tmp_path / "schemas/post.failed.json").unlink()
    (tmp_path / "schemas/post.gone.json").write_text("{}")
    capsys.readouterr()
    assert events.main(["--check", "--out", str(tmp_path)]) == 1
    named = capsys.readouterr().err.splitlines()
    assert named == [
        f"{tmp_path}/schemas/post.failed.json: missing",
        f"{tmp_path}/README.md: differs from the code",
        f"{tmp_path}/schemas/post.gone.json: no event of the contract",
        "run `make events`",
    ]
    assert events.main(["--out", str(tmp_path)]) == 0
    assert events.main(["--check", "--out", str(tmp_path)]) == 0


def test_check_of_a_missing_folder_names_every_file(tmp_path: Path) -> None:
    assert len(events.stale_files(tmp_path / "absent")) == len(BODIES) + 2


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.versioned_name())
def test_every_schema_is_valid(body: type[Any]) -> None:
    Draft202012Validator.check_schema(schema_of(body))


def test_asyncapi_has_all_required_parts() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    assert set(DOCUMENT) <= {
        "asyncapi",
        "id",
        "info",
        "servers",
        "defaultContentType",
        "channels",
        "operations",
        "components",
    }
    for channel in DOCUMENT["channels"].values():
        allowed = {
            "address",
            "messages",
            "title",
            "summary",
            "description",
            "servers",
            "parameters",
            "tags",
            "bindings",
        }
        assert {name for name in channel if not name.startswith("x-")} <= allowed
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert set(operation) <= {
            "action",
            "channel",
            "title",
            "summary",
            "description",
            "tags",
            "bindings",
            "messages",
        }


def test_every_reference_resolves() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert resolve(reference), reference


def test_operation_has_the_messages_of_its_channel() -> None:
    for name, operation in DOCUMENT["operations"].items():
        channel = operation["channel"]["$ref"]
        assert operation["messages"], name
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_every_topic_is_a_channel_with_writers_and_readers() -> None:
    assert list(DOCUMENT["channels"]) == [topic.name for topic in ALL_TOPICS]
    for topic in ALL_TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        kafka = channel["bindings"]["kafka"]
        assert kafka["topicConfiguration"]["cleanup.policy"] == ["compact" if topic.compacted else "delete"]
        assert channel["x-writers"]
        assert channel["x-readers"]
        assert channel["x-internal"] == (topic not in CONTRACT)
        assert channel["messages"]


def test_generated_documents_are_reproducible() -> None:
    assert events.documents() == events.documents()
    assert json.loads(events.documents()["asyncapi.json"]) == DOCUMENT
