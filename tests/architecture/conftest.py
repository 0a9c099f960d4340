"""Every Python file of the project, parsed once."""

import ast
import gc
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE_FOLDERS = ("libs/*/src", "services/*/src", "sandbox/src", "dev/src", "tools")
TEST_FOLDERS = ("tests", "bench")


@cache
def parsed(*folders: str) -> Mapping[str, tuple[str, ast.Module]]:
    paths = sorted(path for pattern in folders for folder in ROOT.glob(pattern) for path in folder.rglob("*.py"))
    texts = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
    collecting = gc.isenabled()
    # What is collected in the middle may print a traceback, which parses too, and Python 3.11 mixes the two up.
    gc.disable()
    try:
        return {name: (text, ast.parse(text, name)) for name, text in texts.items()}
    finally:
        if collecting:
            gc.enable()


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> Mapping[str, tuple[str, ast.Module]]:
    """Text and syntax tree of every module that is shipped, by its path from the root."""
    found = parsed(*SOURCE_FOLDERS)
    assert len(found) > 20
    return found


@pytest.fixture(scope="session")
def tests() -> Mapping[str, tuple[str, ast.Module]]:
    """Text and syntax tree of every test and benchmark, by its path from the root."""
    return parsed(*TEST_FOLDERS)


@pytest.fixture(scope="session")
def everything(
    sources: Mapping[str, tuple[str, ast.Module]], tests: Mapping[str, tuple[str, ast.Module]]
) -> Mapping[str, tuple[str, ast.Module]]:
    return {**sources, **tests}
