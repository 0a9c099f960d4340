"""The documents hold together: every link and anchor leads somewhere, and the glossary stays short."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

MAX_GLOSSARY_ENTRIES = 25
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
HIDDEN = {".venv", ".stack", "node_modules", ".git"}


def documents(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("*.md")) if not HIDDEN & set(path.relative_to(root).parts)]


def slug(heading: str) -> str:
    """Make the anchor that GitHub gives a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {slug(heading) for heading in HEADING.findall(FENCE.sub("", text))}


def dead_links(path: Path, text: str) -> Iterator[str]:
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" in target or target.startswith("mailto:"):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists():
            yield f"{target}: no such file"
        elif anchor and there.suffix == ".md" and anchor not in anchors(there.read_text("utf-8")):
            yield f"{target}: no such heading"


def test_every_link_in_a_document_resolves(root: Path) -> None:
    dead = [
        f"{path.relative_to(root)}: {link}"
        for path in documents(root)
        for link in dead_links(path, path.read_text("utf-8"))
    ]
    assert dead == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](no.md)", ["no.md: no such file"]),
        ("# There\n[a](#nowhere)", ["#nowhere: no such heading"]),
        ("# There it is, `x_y`\n[a](#there-it-is-x_y)", []),
        ("```\n[a](no.md)\n```", []),
    ],
)
def test_dead_links_are_found(tmp_path: Path, text: str, expected: list[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    assert list(dead_links(page, text)) == expected


def test_glossary_is_short_and_each_entry_has_an_example(root: Path) -> None:
    rows = re.findall(
        r"^\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|$", (root / "docs/glossary.md").read_text("utf-8"), re.MULTILINE
    )
    assert 0 < len(rows) <= MAX_GLOSSARY_ENTRIES
    assert [word for word, meaning, example in rows if not (meaning.strip() and example.strip())] == []
