"""Every edge answers valid and invalid requests as its OpenAPI document describes."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from contracts.http import edges
from contracts.http.analytics_edge import AnalyticsEdge
from contracts.http.auth_edge import auth
from contracts.http.edges import Condition
from contracts.http.openapi_cases import Case, described, send_and_check

EXAMPLES = settings(
    max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
READ_SIDE = AnalyticsEdge()
AUTH, PUBLISHER, UPLOADER, ANALYTICS = auth(), edges.publisher(), edges.uploader(), READ_SIDE.edge()


@pytest.fixture(scope="module")
def store(mongodb_url: str) -> Iterator[None]:
    READ_SIDE.url = mongodb_url
    yield
    READ_SIDE.close()


@described(AUTH).parametrize()
@pytest.mark.parametrize("condition", AUTH.conditions)
@EXAMPLES
def test_auth_answers_as_documented(case: Case, condition: Condition) -> None:
    send_and_check(AUTH, case, condition)


@described(PUBLISHER).parametrize()
@pytest.mark.parametrize("condition", PUBLISHER.conditions)
@EXAMPLES
def test_publisher_answers_as_documented(case: Case, condition: Condition) -> None:
    send_and_check(PUBLISHER, case, condition)


@described(UPLOADER).parametrize()
@pytest.mark.parametrize("condition", UPLOADER.conditions)
@EXAMPLES
def test_uploader_answers_as_documented(case: Case, condition: Condition) -> None:
    send_and_check(UPLOADER, case, condition)


@described(ANALYTICS).parametrize()
@pytest.mark.parametrize("condition", ANALYTICS.conditions)
@EXAMPLES
def test_analytics_answers_as_documented(case: Case, condition: Condition, store: None) -> None:
    send_and_check(ANALYTICS, case, condition)
