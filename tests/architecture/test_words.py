"""Private words stay out: each had a second meaning, or made a reader look twice."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

# Written in pieces, so that this file does not find itself.
KEPT_OUT = (
    *("to" + "ld", "tel" + "ls", "hea" + "rd", "hea" + "rs", "some" + "body", "no" + "body", "who" + "ever"),
    *("an" + "ew", "before" + "hand", "stran" + "gers?", "what " + "became of", "what " + "came of", "yet " + "to"),
)
FORBIDDEN = re.compile(rf"\b({'|'.join(KEPT_OUT)})\b", re.IGNORECASE)
RIGHT_ELSEWHERE = {
    *("Allowance", "Client", "Code", "Ledger", "Media", "SettingsRefused", "State", "StatusCode"),
    *("Unreadable", "Views", "Webhooks", "Worker"),
}
"""Old names of one package that are plain in another."""
SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ".css"}
SKIPPED = {".venv", ".stack", ".git", "node_modules"}
RECORD_OF_OLD_NAMES = "docs/decisions/0023-plain-words.md"


def texts(root: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((*root.rglob("*"), root / "Makefile")):
        inside = path.relative_to(root)
        if SKIPPED & set(inside.parts) or inside.as_posix() == RECORD_OF_OLD_NAMES:
            continue
        if path.is_file() and (path.suffix in SUFFIXES or path.name == "Makefile"):
            yield inside.as_posix(), path.read_text("utf-8")


def findings(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        # `_` joins words in code; for a reader they are words all the same.
        for found in FORBIDDEN.finditer(line.replace("_", " ")):
            yield number, found[0]


def test_private_words_stay_out(root: Path) -> None:
    found = [f"{name}:{number} {word}" for name, text in texts(root) for number, word in findings(text)]
    assert found == []


def test_renamed_classes_do_not_come_back(root: Path, sources: Mapping[str, tuple[str, ast.Module]]) -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \| `(\w+)`", (root / RECORD_OF_OLD_NAMES).read_text("utf-8"), re.MULTILINE)
    # A name that one package gave up may be the right one in another: it is retired if no row ends in it.
    retired = {old for old, _ in rows} - {new for _, new in rows} - RIGHT_ELSEWHERE
    assert len(retired) > 50
    defined = {
        f"{name}: {node.name}"
        for name, (_, tree) in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name in retired
    }
    assert defined == set()


@pytest.mark.parametrize(
    "line", ["it is " + "to" + "ld to stop", "def test_" + "no" + "body_asks():", "what " + "came of it", "An" + "ew"]
)
def test_private_words_are_found(line: str) -> None:
    assert list(findings(line))


@pytest.mark.parametrize("line", ["a threshold", "renewed", "this hotel lists rooms", "already heartbeats"])
def test_ordinary_words_are_no_findings(line: str) -> None:
    assert not list(findings(line))
