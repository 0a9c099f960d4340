"""Tests do not sleep and do not mock: time is passed in, fakes are real, and waiting is for something."""

import ast
from collections.abc import Iterator, Mapping

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

POLLING_HELPERS = {"eventually", "wait_until"}
SIMULATED = ("tests/simulation/", "tests/soak/", "tests/harness/simulated_processes.py", "tests/fakes/tiktok_")
IMPORTS_OF_VIRTUAL_TIME = ("from harness import virtual_time", "from harness.simulated_processes import")
SLEEPS = {"time.sleep", "asyncio.sleep", "anyio.sleep", "sleep"}


def sleeps(node: ast.AST) -> Iterator[int]:
    """Lines that let time pass, outside a helper that asks again and again with a deadline."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name in POLLING_HELPERS:
            continue
        if isinstance(child, ast.Call) and ast.unparse(child.func) in SLEEPS and not yields_only(child):
            yield child.lineno
        yield from sleeps(child)


def yields_only(call: ast.Call) -> bool:
    """`sleep(0)` lets other tasks run; no time passes."""
    return [ast.unparse(argument) for argument in call.args] == ["0"]


def in_virtual_time(name: str, text: str, tree: ast.Module) -> bool:
    """Whether a file's sleeps cost nothing: it runs on the simulator's loop, and no test of its own on a real one."""
    real = any(isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_") for node in ast.walk(tree))
    return not real and (name.startswith(SIMULATED) or any(line in text for line in IMPORTS_OF_VIRTUAL_TIME))


def test_no_test_sleeps(tests: Files) -> None:
    sleeping = [
        f"{name}:{line}"
        for name, (text, tree) in tests.items()
        if not in_virtual_time(name, text, tree)
        for line in sleeps(tree)
    ]
    assert sleeping == []


def test_no_test_mocks(tests: Files) -> None:
    mocking = [
        f"{name}:{node.lineno}"
        for name, (_, tree) in tests.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("unittest", "pytest_mock")))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("unittest") for alias in node.names))
    ]
    assert mocking == []


def test_sleeping_test_is_found() -> None:
    code = "async def test_it():\n await asyncio.sleep(0.1)\n await asyncio.sleep(0)\n time.sleep(pause)"
    assert list(sleeps(ast.parse(code))) == [2, 4]


@pytest.mark.parametrize("name", sorted(POLLING_HELPERS))
def test_polling_helper_may_sleep(name: str) -> None:
    assert list(sleeps(ast.parse(f"async def {name}(ask):\n await asyncio.sleep(0.02)"))) == []
