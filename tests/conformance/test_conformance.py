"""Runs every case against a sandbox of this test run, and checks the coverage page."""

from collections.abc import Iterator

import pytest

from conformance.case_registry import Case, all_cases
from conformance.coverage_page import COVERAGE_PAGE, render, without_cases
from conformance.sandbox_client import SandboxClient
from conformance.scenario import Scenario
from conformance.start_sandbox import sandbox_client_at

CASES = all_cases()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxClient]:
    with sandbox_client_at() as found:
        yield found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.section} {case.name}")
def test_sandbox_behaves_like_tiktok(case: Case, sandbox: SandboxClient) -> None:
    case.run(Scenario(sandbox))


def test_suite_has_enough_cases() -> None:
    assert len(CASES) >= 250


def test_every_section_and_code_has_a_case() -> None:
    assert without_cases(CASES) == []


def test_coverage_page_is_up_to_date() -> None:
    written = COVERAGE_PAGE.read_text("utf-8")
    assert written == render(CASES), "PYTHONPATH=tests python -m conformance --write"
