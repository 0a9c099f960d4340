"""The catalogue of problems, the page made from it, and what apps say and answer by it."""

from pathlib import Path

import pytest

from common.http.errors import Problem
from common.http.problems import MEMBERS, Code
from contract_docs import problems_page

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("code", Code)
def test_a_code_is_an_error_and_its_meaning_a_sentence(code: Code) -> None:
    assert 400 <= code.status <= 599
    assert code.meaning[0].isupper()
    assert code.meaning.endswith(".")


def test_members_belong_to_codes_and_are_described() -> None:
    for members in MEMBERS.values():
        assert all(schema["description"] for schema in members.values())


def test_a_problem_says_what_the_catalogue_says_unless_the_case_allows_more() -> None:
    plain = Problem(Code.STORE_UNAVAILABLE)
    assert (plain.status_code, plain.detail) == (503, Code.STORE_UNAVAILABLE.meaning)
    assert plain.headers == {"Retry-After": "5"}
    told = Problem(Code.RATE_LIMITED, "Wait.", headers={"Retry-After": "30"})
    assert (told.detail, told.headers) == ("Wait.", {"Retry-After": "30"})


def test_the_committed_page_is_that_of_the_code() -> None:
    assert problems_page.main(["--check", "--out", str(ROOT / problems_page.DEFAULT_PAGE)]) == 0, "run `make events`"


def test_check_tells_a_stale_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "problems.md"
    assert problems_page.main(["--check", "--out", str(page)]) == 1
    assert problems_page.main(["--out", str(page)]) == 0
    assert problems_page.main(["--check", "--out", str(page)]) == 0
    page.write_text(page.read_text().replace("422", "423"))
    capsys.readouterr()
    assert problems_page.main(["--check", "--out", str(page)]) == 1
    assert capsys.readouterr().err == f"{page}: differs from the code\nrun `make events`\n"


def test_the_page_names_every_code() -> None:
    written = problems_page.page()
    assert [code for code in Code if f"| `{code}` |" not in written] == []
