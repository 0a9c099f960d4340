"""docs/problems.md is the page of today's catalogue."""

from pathlib import Path

import pytest

from common.http.problems import Code
from contract_docs import problems_page

ROOT = Path(__file__).parents[3]


def test_committed_page_matches_the_code() -> None:
    assert problems_page.main(["--check", "--out", str(ROOT / problems_page.DEFAULT_PAGE)]) == 0, "run `make events`"


def test_check_reports_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "problems.md"
    assert problems_page.main(["--check", "--out", str(page)]) == 1
    assert problems_page.main(["--out", str(page)]) == 0
    assert problems_page.main(["--check", "--out", str(page)]) == 0
    page.write_text(page.read_text().replace("422", "423"))
    capsys.readouterr()
    assert problems_page.main(["--check", "--out", str(page)]) == 1
    assert capsys.readouterr().err == f"{page}: differs from the code\nrun `make events`\n"


def test_page_names_every_code() -> None:
    written = problems_page.page()
    assert [code for code in Code if f"| `{code}` |" not in written] == []
