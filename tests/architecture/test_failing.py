"""Errors are caught where they are handled, and decisions name every case that they ignore."""

import ast
from collections.abc import Iterator, Mapping

import pytest

Files = Mapping[str, tuple[str, ast.Module]]

CATCH_ALLS = {"Exception", "BaseException"}
BARE = ast.Name("BaseException")
PURE_FILES = ("decisions.py", "plans.py", "lanes.py")


def may_catch_all(name: str) -> bool:
    entry_points = ("/__main__.py", "libs/common/src/common/service/process.py")
    return name.endswith(entry_points) or name.startswith("libs/common/src/common/streams/")


def catch_alls(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = {name.id for name in ast.walk(node.type or BARE) if isinstance(name, ast.Name)}
            if caught & CATCH_ALLS and not (caught == {"BaseException"} and raises_on(node)):
                yield node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            yield from (node.lineno for argument in node.args if ast.unparse(argument) in CATCH_ALLS)


def raises_on(handler: ast.ExceptHandler) -> bool:
    """Whether a handler only cleans up and lets the error go on."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def takes_anything(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or takes_anything(pattern.pattern)
    if isinstance(pattern, ast.MatchSequence):
        return all(takes_anything(inner) for inner in pattern.patterns)
    return isinstance(pattern, ast.MatchOr) and any(takes_anything(inner) for inner in pattern.patterns)


def open_cases(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case) and node.guard is None and takes_anything(node.pattern):
            yield node.pattern.lineno


def test_only_runtime_and_main_catch_all_exceptions(sources: Files) -> None:
    caught = [
        f"{name}:{line}" for name, (_, tree) in sources.items() if not may_catch_all(name) for line in catch_alls(tree)
    ]
    assert caught == []


def test_decisions_name_the_cases_they_ignore(sources: Files) -> None:
    decisive = {
        name: tree for name, (_, tree) in sources.items() if name.startswith("services/") and name.endswith(PURE_FILES)
    }
    assert decisive
    assert [f"{name}:{line}" for name, tree in decisive.items() for line in open_cases(tree)] == []


@pytest.mark.parametrize("code", ["except Exception: ...", "except: ...", "except (OSError, BaseException) as e: ..."])
def test_catch_all_is_found(code: str) -> None:
    assert list(catch_alls(ast.parse(f"try: ...\n{code}"))) == [2]


def test_catch_all_that_reraises_is_allowed() -> None:
    assert list(catch_alls(ast.parse("try: ...\nexcept BaseException:\n stop()\n raise"))) == []


def test_suppressed_catch_all_is_found() -> None:
    assert list(catch_alls(ast.parse("with contextlib.suppress(Exception): ..."))) == [1]


@pytest.mark.parametrize("case", ["_", "other", "_, _", "a, (b, _)", "int() | _", "(_ as fact)"])
def test_open_case_is_found(case: str) -> None:
    assert list(open_cases(ast.parse(f"match x:\n case {case}: ..."))) == [2]


@pytest.mark.parametrize("case", ["None", "_, int()", "_ if guarded", "_, (A() | B())", "State(attempt=n)"])
def test_named_case_is_allowed(case: str) -> None:
    assert list(open_cases(ast.parse(f"match x:\n case {case}: ..."))) == []
