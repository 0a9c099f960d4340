"""Every service has the same files: who knows one service knows where things are in the other three."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

SERVICES = ("auth", "uploader", "publisher", "analytics")
EVERYWHERE = frozenset(
    {
        *("__init__.py", "__main__.py", "service.py", "settings.py", "wiring.py"),
        *("states.py", "facts.py", "effects.py", "translate.py", "decisions.py", "transitions.py", "plans.py"),
        *("admission.py", "processor.py", "effect_handler.py", "metrics.py", "errors.py"),
    }
)
HTTP = frozenset({"api.py", "api_models.py"})

LACKS = {
    # file: why the service has nothing to write into it
    ("auth", "admission.py"): "its calls have no limit per account: all requested effects may start",
    ("analytics", "transitions.py"): "its decisions build the next state in place; none has two callers",
    ("publisher", "errors.py"): "TikTok's answers are facts, and clients get problems; nothing else can fail",
    ("uploader", "api.py"): "it speaks no HTTP but health and metrics",
    ("uploader", "api_models.py"): "it speaks no HTTP but health and metrics",
}
OWN = {
    # file: why no other service has it
    ("auth", "browser_api.py"): "the pages of the consent, for people",
    ("auth", "admin_api.py"): "the routes for operators",
    ("auth", "admin_models.py"): "the bodies of the routes for operators",
    ("auth", "commands.py"): "its HTTP routes change state by commands to its worker",
    ("auth", "edge_role.py"): "builds the edge, which has three APIs; wiring.py would be too long",
    ("auth", "worker_role.py"): "builds the worker, which checks the vault first; wiring.py would be too long",
    ("uploader", "sent_chunks.py"): "remembers which chunks this process sent",
    ("publisher", "fail_reasons.py"): "TikTok's reasons for a failed post, as a table",
    ("publisher", "webhook_api.py"): "the route for TikTok's webhooks",
    ("analytics", "schedule.py"): "the ages of a post at which its numbers are collected",
}
FOLDERS = {
    ("auth", "oauth"): "the consent",
    ("auth", "tenants"): "tenants, their apps and API keys: a second kind of state",
    ("auth", "tokens"): "sealed token pairs and the rotation of their keys",
    ("uploader", "sources"): "reading a video from its URL",
    ("analytics", "read_side"): "the projector, the store and its queries",
}


def package(root: Path, service: str) -> Path:
    return root / f"services/{service}/src/{service}_service"


def faults(service: str, names: set[str]) -> Iterator[str]:
    """Where a service's files differ from those of every service, and no table says why."""
    expected = EVERYWHERE | HTTP
    for name in sorted(expected - names):
        if (service, name) not in LACKS:
            yield f"{name} is missing"
    for name in sorted(names - expected):
        if (service, name) not in OWN and not name.startswith("decisions_"):
            yield f"{name} is in no other service"
    yield from (f"{name} exists: delete its reason" for of, name in LACKS if of == service and name in names)
    yield from (f"{name} is gone: delete its reason" for of, name in OWN if of == service and name not in names)


def own_name_as_text(service: str, tree: ast.Module) -> Iterator[int]:
    """The lines that spell the service's name instead of using `service.NAME`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == service:
            yield node.lineno


@pytest.mark.parametrize("service", SERVICES)
def test_service_has_the_files_of_every_service(root: Path, service: str) -> None:
    names = {path.name for path in package(root, service).glob("*.py")}
    assert list(faults(service, names)) == []


@pytest.mark.parametrize("service", SERVICES)
def test_folder_of_one_service_has_a_reason(root: Path, service: str) -> None:
    folders = {path.name for path in package(root, service).iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {name for of, name in FOLDERS if of == service}


@pytest.mark.parametrize("service", SERVICES)
def test_service_name_is_spelled_once(sources: Files, service: str) -> None:
    folder = f"services/{service}/src/"
    spelled = [
        f"{name}:{line}"
        for name, (_, tree) in sources.items()
        if name.startswith(folder) and not name.endswith("/service.py")
        for line in own_name_as_text(service, tree)
    ]
    assert spelled == [], "use service.NAME"


def test_missing_and_unknown_files_are_found() -> None:
    names = {*EVERYWHERE, *HTTP} - {"admission.py", "errors.py"} - {"states.py"}
    found = list(faults("publisher", {*names, "helpers.py", "admission.py", "fail_reasons.py", "webhook_api.py"}))
    assert found == ["states.py is missing", "helpers.py is in no other service"]


def test_outdated_reason_is_found() -> None:
    names = {*EVERYWHERE, *HTTP, "webhook_api.py"}
    assert list(faults("publisher", names)) == [
        "errors.py exists: delete its reason",
        "fail_reasons.py is gone: delete its reason",
    ]


def test_name_as_text_is_found() -> None:
    assert list(own_name_as_text("auth", ast.parse('group = "auth"\ntext = "authors"'))) == [1]
