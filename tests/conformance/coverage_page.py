"""Writes docs/conformance.md: the cases of each section and each code of docs/tiktok-api.md.

A section or code without a case is shown as missing, and a test fails.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from conformance.case_registry import Case, by_number

ROOT = Path(__file__).parents[2]
API_PAGE = ROOT / "docs" / "tiktok-api.md"
COVERAGE_PAGE = ROOT / "docs" / "conformance.md"
MISSING = "**missing**"

_HEADING = re.compile(r"^#{2,3} (\d+(?:\.\d+)?)\.? (.+)$", re.MULTILINE)
_WORD = re.compile(r"`([a-zA-Z_.]+)`")
# The first cell of a row in a table whose first column is one of these names something that needs a case.
_NAMED = ("Code", "Error", "Reason", "Status", "Event", "Endpoint")


def sections() -> dict[str, str]:
    """Return the title of every numbered section of the API page that has a text of its own."""
    found = dict(_HEADING.findall(API_PAGE.read_text("utf-8")))
    parents = {number.partition(".")[0] for number in found if "." in number}
    return {number: title for number, title in found.items() if number not in parents or _has_own_text(number)}


def _has_own_text(number: str) -> bool:
    text = API_PAGE.read_text("utf-8")
    after = re.split(rf"^## {number}\.? .+$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return bool(re.split(r"^#{2,3} ", after, maxsplit=1, flags=re.MULTILINE)[0].strip())


def names() -> tuple[str, ...]:
    """Return every code, reason, status, event and endpoint in the first column of a table."""
    found: dict[str, None] = {}
    column = ""
    for line in API_PAGE.read_text("utf-8").splitlines():
        first = line.split("|")[1].strip() if line.startswith("|") else ""
        if not first:
            column = ""
        elif not column:
            column = first
        elif column in _NAMED:
            found |= dict.fromkeys(_WORD.findall(first) or re.findall(r"`(/[^`]+)`", first))
    return tuple(found)


def without_cases(cases: Sequence[Case]) -> list[str]:
    """Return the sections and names that no case shows."""
    with_cases = {each.section for each in cases}
    texts = " ".join({each.text for each in cases})
    return [
        *(number for number in sections() if number not in with_cases),
        *(name for name in names() if not _mentions(name, texts)),
    ]


def _mentions(name: str, text: str) -> bool:
    # `internal` is not shown by `internal_error`, nor `spam_risk` by a longer one.
    return re.search(rf"(?<![\w.]){re.escape(name.removeprefix('/v2/post/publish/'))}(?![\w])", text) is not None


def render(cases: Sequence[Case]) -> str:
    """Return the whole page."""
    titles = sections()
    lines = [
        "# Conformance: which cases show what",
        "",
        "Written by `PYTHONPATH=tests python -m conformance --write`; do not edit. The sections are those of",
        f"[tiktok-api.md](tiktok-api.md). {len(cases)} cases; `make conformance` runs them.",
        "",
        "| Section | | Cases |",
        "|---|---|---|",
        *(f"| {number} | {titles[number]} | {_count(cases, number)} |" for number in sorted(titles, key=by_number)),
    ]
    for number in sorted(titles, key=by_number):
        lines += ["", f"## {number} {titles[number]}", "", *_listed(cases, number)]
    return "\n".join([*lines, "", "## Codes, reasons, statuses, events, endpoints", "", *_table_of_names(cases), ""])


def _count(cases: Sequence[Case], number: str) -> str:
    count = sum(each.section == number for each in cases)
    return str(count) if count else MISSING


def _listed(cases: Iterable[Case], number: str) -> list[str]:
    found = [f"- {each.name}" for each in cases if each.section == number]
    return found or [MISSING]


def _table_of_names(cases: Sequence[Case]) -> list[str]:
    texts = [(each.section, each.text) for each in cases]
    lines = ["| | Sections with cases |", "|---|---|"]
    for name in names():
        where = sorted({section for section, text in texts if _mentions(name, text)}, key=by_number)
        lines.append(f"| `{name}` | {', '.join(where) or MISSING} |")
    return lines
