"""The stream runtime is used through its public face, and only its log room knows Kafka's client."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

STREAMS = "libs/common/src/common/streams/"
FACE = {"common.streams", "common.streams.runtime"}
LOG = "common.streams.log"
BUILDERS = {"wiring.py", "rotate_keys.py"}
"""Modules that build Kafka's parts: what they import of the log goes to the others as an argument."""


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, without the names that are taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def behind_the_face(path: str, tree: ast.Module) -> list[str]:
    """Modules of the runtime that this file may not import."""
    builds = path.rpartition("/")[2] in BUILDERS
    return [
        name
        for name in imported(tree)
        if name.startswith("common.streams")
        and name not in FACE
        and not (builds and (name == LOG or name.startswith(f"{LOG}.")))
    ]


def loads(statement: str, *clients: str) -> tuple[list[str], str]:
    script = f"import sys; {statement}; print(*set(sys.modules) & {set(clients)!r})"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout.split(), ran.stderr


def test_services_import_the_runtime_by_its_face(sources: Files) -> None:
    found = {path: behind_the_face(path, tree) for path, (_, tree) in sources.items() if path.startswith("services/")}
    assert {path: names for path, names in found.items() if names} == {}


def test_only_the_log_room_imports_aiokafka(sources: Files) -> None:
    users = [
        path
        for path, (_, tree) in sources.items()
        if path.startswith(("libs/", "services/")) and any(name.split(".")[0] == "aiokafka" for name in imported(tree))
    ]
    assert users
    assert [path for path in users if not path.startswith(f"{STREAMS}log/")] == []


def test_the_face_loads_no_client() -> None:
    clients = ("aiokafka", "structlog", "prometheus_client", "fastapi", "httpx", "pydantic")
    assert loads("import common.streams", *clients) == ([], "")


def test_the_runtime_loads_no_kafka_client() -> None:
    assert loads("import common.streams.runtime", "aiokafka", "fastapi", "pydantic") == ([], "")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("services/x/src/x_service/decisions.py", "from common.streams.api import Decision"),
        ("services/x/src/x_service/wiring.py", "from common.streams.engine.worker import run_worker"),
        ("services/x/src/x_service/edge.py", "import common.streams.log.kafka"),
    ],
)
def test_an_import_behind_the_face_is_found(path: str, code: str) -> None:
    assert behind_the_face(path, ast.parse(code)) != []


def test_builders_may_import_the_log() -> None:
    code = "from common.streams.log.kafka import KafkaLog\nfrom common.streams.runtime import run_worker"
    assert behind_the_face("services/x/src/x_service/wiring.py", ast.parse(code)) == []
