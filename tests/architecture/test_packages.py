"""Each package declares what it imports and imports what it declares; tools are set up in the root alone."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

PACKAGES = {
    "libs/common": "common",
    "libs/tiktok": "tiktok",
    "services/auth": "auth_service",
    "services/uploader": "uploader_service",
    "services/publisher": "publisher_service",
    "services/analytics": "analytics_service",
    "sandbox": "tiktok_sandbox",
    "dev": "stack",
}
OURS = {package: f"postbus-{Path(folder).name.replace('dev', 'stack')}" for folder, package in PACKAGES.items()}
NEEDED_WITHOUT_IMPORT = {
    "httptools": "uvicorn's parser, chosen by name",
    "uvloop": "uvicorn's loop, chosen by name",
    "python-multipart": "starlette reads forms with it",
    "secantusdb": "a separate process, never imported",
}
STARTED_AS_PROCESSES = {"dev": {name for package, name in OURS.items() if package.endswith(("_service", "sandbox"))}}


@cache
def distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def project(root: Path, folder: str) -> dict[str, Any]:
    return tomllib.loads((root / folder / "pyproject.toml").read_text("utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\s<>=!~\[;]", name, maxsplit=1)[0]).lower()


def imported(sources: Files, folder: str) -> Iterator[str]:
    for name, (_, tree) in sources.items():
        if name.startswith(f"{folder}/src/"):
            for node in ast.walk(tree):
                if isinstance(node, ast.Import):
                    yield from (alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    yield node.module.partition(".")[0]


def needed(sources: Files, folder: str) -> dict[str, set[str]]:
    """The distributions that may stand for each imported package that is neither ours alone nor Python's."""
    outside = set(imported(sources, folder)) - sys.stdlib_module_names - {PACKAGES[folder]}
    return {
        name: {normal(OURS.get(name, ""))} - {""} or set(map(normal, distributions().get(name, [name])))
        for name in outside
    }


@pytest.mark.parametrize("folder", PACKAGES)
def test_imported_packages_are_declared(root: Path, sources: Files, folder: str) -> None:
    declared = set(map(normal, project(root, folder)["project"]["dependencies"]))
    assert {name for name, providers in needed(sources, folder).items() if not providers & declared} == set()


@pytest.mark.parametrize("folder", PACKAGES)
def test_declared_packages_are_imported(root: Path, sources: Files, folder: str) -> None:
    used = {provider for providers in needed(sources, folder).values() for provider in providers}
    declared = set(map(normal, project(root, folder)["project"]["dependencies"]))
    assert declared - used - set(NEEDED_WITHOUT_IMPORT) - STARTED_AS_PROCESSES.get(folder, set()) == set()


@pytest.mark.parametrize("folder", PACKAGES)
def test_tools_are_configured_in_the_root(root: Path, folder: str) -> None:
    assert set(project(root, folder).get("tool", {})) <= {"hatch"}


@pytest.mark.parametrize("folder", PACKAGES)
def test_packages_are_typed(root: Path, folder: str) -> None:
    assert (root / folder / "src" / PACKAGES[folder] / "py.typed").is_file()
