"""The catalogue of problems, and the errors that are raised from it."""

import pytest

from common.http.errors import Problem
from common.http.problems import MEMBERS, Code


@pytest.mark.parametrize("code", Code)
def test_code_is_an_error_and_its_meaning_a_sentence(code: Code) -> None:
    assert 400 <= code.status <= 599
    assert code.meaning[0].isupper()
    assert code.meaning.endswith(".")


def test_members_belong_to_codes_and_are_described() -> None:
    for members in MEMBERS.values():
        assert all(schema["description"] for schema in members.values())


def test_problem_has_the_catalogues_meaning_by_default() -> None:
    plain = Problem(Code.STORE_UNAVAILABLE)
    assert (plain.status_code, plain.detail) == (503, Code.STORE_UNAVAILABLE.meaning)
    assert plain.headers == {"Retry-After": "5"}
    specific = Problem(Code.RATE_LIMITED, "Wait.", headers={"Retry-After": "30"})
    assert (specific.detail, specific.headers) == ("Wait.", {"Retry-After": "30"})
