"""docs/operations.md lists every setting, metric and warning of the code."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from pydantic.fields import FieldInfo

from common.service.settings import KafkaSettings, LogSettings, ServiceSettings, Settings, is_secret, variables

Files = Mapping[str, tuple[str, ast.Module]]

SERVICES = ("auth", "uploader", "publisher", "analytics")
ROLES = {"WorkerSettings": "worker", "EdgeSettings": "edge", "StoreSettings": "projector, edge"}
WORTH_A_LINE = {"warning", "error", "exception", "critical"}
OURS = ("streams_", *(f"{service}_" for service in SERVICES))
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->"


def classes_of(service: str) -> list[type[Settings]]:
    module = importlib.import_module(f"{service}_service.settings")
    found = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Settings)]
    return [value for value in found if value.__module__ == module.__name__]


def fields_of(service: str) -> Iterator[tuple[str, str, FieldInfo]]:
    """Every variable that only this service reads: its name, the role that reads it, the field."""
    for settings in classes_of(service):
        for name, field in variables(settings).items():
            if name.removeprefix(f"{service.upper()}_") not in INHERITED:
                yield name, ROLES.get(settings.__name__, ""), field


INHERITED = dict(variables(ServiceSettings))


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default.get_secret_value() if is_secret(field) and field.default else field.default
    return f"`{value}`" if value not in {"", None} else "empty"


def row(name: str, default: str, role: str, field: FieldInfo) -> str:
    meaning = str(field.description) + (f" ({role})" if role else "")
    return f"| `{name}` | {default} | {meaning} |"


def http_ports() -> str:
    ports = {name: variables(classes_of(name)[0])[f"{name.upper()}_HTTP_PORT"].default for name in SERVICES}
    return ", ".join(f"`{port}` {name}" for name, port in ports.items())


def tables() -> str:
    """Lay out every variable of every service. To bring the document up to date, paste what the test prints."""
    head = "| variable | default | |\n|---|---|---|"
    every = [
        row(name, default_of(field), "", field)
        for settings in (KafkaSettings, LogSettings)
        for name, field in variables(settings).items()
    ]
    every += [
        row(f"<SERVICE>_{name}", http_ports() if name == "HTTP_PORT" else default_of(field), "", field)
        for name, field in INHERITED.items()
    ]
    parts = [f"Every service:\n\n{head}\n" + "\n".join(every)]
    for service in SERVICES:
        own = [row(name, default_of(field), role, field) for name, role, field in fields_of(service)]
        parts.append(f"{service}:\n\n{head}\n" + "\n".join(own))
    return "\n\n".join(parts) + "\n"


@pytest.fixture(scope="module")
def operations(root: Path) -> str:
    return (root / "docs" / "operations.md").read_text("utf-8")


def test_settings_table_matches_the_classes(operations: str) -> None:
    written = operations.partition(BEGIN)[2].partition(END)[0]
    assert written.strip() == tables().strip(), f"docs/operations.md should hold:\n\n{tables()}"


@pytest.mark.parametrize("service", SERVICES)
def test_readme_names_exactly_the_services_settings(root: Path, service: str) -> None:
    text = (root / "services" / service / "README.md").read_text("utf-8")
    known = {name for name, _, _ in fields_of(service)} | {f"{service.upper()}_{name}" for name in INHERITED}
    named = set(re.findall(rf"\b(?:{service.upper()}|TIKTOK)_[A-Z_]+\b", text))
    assert {name for name in known if f"`{name}`" not in text} == set()
    assert named - known == set()


def test_every_metric_is_explained(operations: str) -> None:
    for service in SERVICES:
        importlib.import_module(f"{service}_service.metrics")
    importlib.import_module("common.streams.engine.metrics")
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith(OURS)
    }
    assert len(names) > 10
    assert {name for name in names if f"`{name}`" not in operations} == set()


def test_every_warning_is_explained(sources: Files, operations: str) -> None:
    events = set(warnings(sources))
    assert len(events) > 10
    assert {event for event in events if f"`{event}`" not in operations} == set()


def warnings(sources: Files) -> Iterator[str]:
    for name, (_, tree) in sources.items():
        if not name.startswith(("libs/", "services/")):
            continue
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level),
                    args=[ast.Constant(value=str(event))],
                ) if level in WORTH_A_LINE:
                    yield event
