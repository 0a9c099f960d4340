"""Every make target that hooks, continuous integration and documents name exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TARGET = re.compile(r"^(?P<name>[a-z][a-z-]*):", re.MULTILINE)
CALLED = re.compile(r"\bmake (?P<name>[a-z][a-z-]*)")
CALLERS = (".ci/run", ".pre-commit-config.yaml", ".github/PULL_REQUEST_TEMPLATE.md")
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "dev/README.md")
CODE = re.compile(r"```sh\n(?P<block>.*?)```|`(?P<inline>[^`\n]+)`", re.DOTALL)


def called_targets(text: str) -> set[str]:
    return {found["name"] for found in CALLED.finditer(text)}


def code_in(markdown: str) -> Iterator[str]:
    """The commands of a document: fenced shell blocks and inline code."""
    for found in CODE.finditer(markdown):
        yield found["block"] or found["inline"]


@pytest.fixture(scope="module")
def targets(root: Path) -> set[str]:
    return {found["name"] for found in TARGET.finditer((root / "Makefile").read_text("utf-8"))}


@pytest.mark.parametrize("name", CALLERS)
def test_called_targets_exist(root: Path, targets: set[str], name: str) -> None:
    called = called_targets((root / name).read_text("utf-8"))
    assert called
    assert called - targets == set()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documented_targets_exist(root: Path, targets: set[str], name: str) -> None:
    called = {target for code in code_in((root / name).read_text("utf-8")) for target in called_targets(code)}
    assert called
    assert called - targets == set()


def test_ci_runs_what_a_person_can_run(root: Path) -> None:
    workflow = (root / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    assert re.findall(r"run: (.+)", workflow) == [".ci/run"]


def test_hooks_fetch_nothing(root: Path) -> None:
    hooks = (root / ".pre-commit-config.yaml").read_text("utf-8")
    assert set(re.findall(r"repo: (\S+)", hooks)) == {"local"}
    assert set(re.findall(r"language: (\S+)", hooks)) == {"system"}


def test_python_version_is_the_supported_floor(root: Path) -> None:
    version = (root / ".python-version").read_text("utf-8").strip()
    assert f'target-version = "py{version.replace(".", "")}"' in (root / "pyproject.toml").read_text("utf-8")


def test_missing_target_is_found() -> None:
    text = "Run `make nothing-here`, then\n```sh\nmake up   # starts\n```\nand make sense."
    assert {target for code in code_in(text) for target in called_targets(code)} == {"nothing-here", "up"}
