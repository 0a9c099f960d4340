"""Every case against a sandbox of this test run, and the map of the cases."""

from collections.abc import Iterator

import pytest

from conformance.book import Case, all_cases
from conformance.launch import place_at
from conformance.map import MAP, drawn, unshown
from conformance.place import Place
from conformance.stage import Stage

CASES = all_cases()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with place_at() as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section} {case.name}")
def test_sandbox_behaves_like_tiktok(case: Case, place: Place) -> None:
    case.run(Stage(place))


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 250


def test_everything_on_the_page_has_a_case() -> None:
    assert unshown(CASES) == []


def test_the_map_is_fresh() -> None:
    written = MAP.read_text("utf-8")
    assert written == drawn(CASES), "PYTHONPATH=tests python -m conformance --write"
