"""Files and functions are short, have a docstring and a name by role."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

Files = Mapping[str, tuple[str, ast.Module]]

MOST_LINES_IN_A_FILE = 400
MOST_LINES_IN_A_FUNCTION = 50
NAMES_WITHOUT_A_ROLE = {"utils", "util", "helpers", "helper", "misc", "shared", "manager"}
CLASSES_WITHOUT_A_ROLE = re.compile(r"\w*(Manager|Util|Utils|Helper|Helpers|Service)$")
SILENCED = re.compile(r"#\s*(?P<what>noqa|type: ignore)(?P<codes>:\s*[A-Z0-9, ]+|\[[\w\-, ]+\])?(?P<rest>.*)")


def test_files_are_short(everything: Files) -> None:
    lengths = {name: len(text.splitlines()) for name, (text, _) in everything.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_IN_A_FILE} == {}


def test_functions_are_short(everything: Files) -> None:
    lengths = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, (_, tree) in everything.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_IN_A_FUNCTION} == {}


def test_modules_start_with_a_docstring(everything: Files) -> None:
    docstrings = {name: ast.get_docstring(tree) or "" for name, (_, tree) in everything.items()}
    assert [name for name, text in docstrings.items() if not text.split("\n", 1)[0].endswith(".")] == []


def test_modules_are_named_by_role(everything: Files) -> None:
    assert [name for name in everything if Path(name).stem.strip("_") in NAMES_WITHOUT_A_ROLE] == []


def test_classes_are_named_by_role(sources: Files) -> None:
    vague = [
        f"{name}:{node.lineno} {node.name}"
        for name, (_, tree) in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and CLASSES_WITHOUT_A_ROLE.fullmatch(node.name)
    ]
    assert vague == []


def test_silenced_findings_have_a_code_and_a_reason(everything: Files) -> None:
    unexplained = [
        f"{name}:{number} {line.strip()}"
        for name, (text, _) in everything.items()
        if name != "tests/architecture/test_budget.py"
        for number, line in enumerate(text.splitlines(), 1)
        for found in (SILENCED.search(line),)
        if found and not (found["codes"] and len(found["rest"].strip(" -#:")) > 2)
    ]
    assert unexplained == []
