"""How every route refuses a body too large, missing credentials, and undocumented addresses."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from schemathesis.python.asgi import ASGIClient

from common.http.app import LARGEST_BODY_BYTES
from common.http.problems import PROBLEM_MEDIA_TYPE, Code
from contracts.http import edges
from contracts.http.analytics_edge import AnalyticsEdge
from contracts.http.auth_edge import auth
from contracts.http.openapi_cases import Credentials, Operation, client, operations

EDGES = {"auth": auth(), "publisher": edges.publisher(), "analytics": AnalyticsEdge().edge()}
ROUTES = [(name, operation) for name, edge in EDGES.items() for operation in operations(edge)]
TAKING_BODIES = [(name, each) for name, each in ROUTES if "requestBody" in each.definition.raw]
GUARDED = [(name, each) for name, each in ROUTES if "security" in each.definition.raw]
ANYWHERE = {Code.METHOD_NOT_ALLOWED}
"""Codes that belong to no route."""


def named(routes: Sequence[tuple[str, Operation]]) -> list[Any]:
    return [pytest.param(name, operation, id=f"{name} {operation.label}") for name, operation in routes]


def path_of(operation: Operation) -> str:
    return operation.path.replace("{tenant}", edges.TENANT).replace("{", "").replace("}", "")


def documented(name: str) -> Iterator[dict[str, Any]]:
    for path in EDGES[name].app.openapi()["paths"].values():
        for operation in path.values():
            yield from operation["responses"].values()


@pytest.fixture
def http(request: pytest.FixtureRequest) -> ASGIClient:
    return client(EDGES[request.getfixturevalue("name")])


@pytest.mark.parametrize(("name", "operation"), named(TAKING_BODIES))
def test_body_too_large_is_refused_as_documented(http: ASGIClient, name: str, operation: Operation) -> None:
    answer = http.request(
        operation.method,
        path_of(operation),
        data=b" " * (LARGEST_BODY_BYTES + 1),
        headers={"Content-Type": "application/json"},
        auth=Credentials(EDGES[name], operation),
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    operation.validate_response(answer)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer pb_nonsense", "TikTok-Signature": "t=1,s=2"}])
@pytest.mark.parametrize(("name", "operation"), named(GUARDED))
def test_request_without_valid_credentials_is_refused(
    http: ASGIClient, name: str, operation: Operation, headers: dict[str, str]
) -> None:
    answer = http.request(operation.method, path_of(operation), headers=headers)
    assert answer.status_code == 401
    operation.validate_response(answer)


@pytest.mark.parametrize("name", EDGES)
def test_undocumented_route_answers_with_a_problem(http: ASGIClient, name: str) -> None:
    nowhere, slashed, wrong_method = http.get("/v2"), http.get("/healthz/"), http.delete("/healthz")
    for answer, status, code in ((nowhere, 404, "not_found"), (slashed, 404, "not_found"), (wrong_method, 405, None)):
        assert (answer.status_code, answer.json()["code"]) == (status, code or "method_not_allowed")
        assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert wrong_method.headers["allow"] == "GET"


@pytest.mark.parametrize("name", EDGES)
def test_errors_are_documented_as_problems_or_pages_only(name: str) -> None:
    for path, operation in ((path, each) for path, each in EDGES[name].app.openapi()["paths"].items()):
        for status, response in (pair for each in operation.values() for pair in each["responses"].items()):
            if status >= "4":
                assert response["content"].keys() <= {PROBLEM_MEDIA_TYPE, "text/html"}, path


def test_every_problem_code_is_documented_by_a_route() -> None:
    answered = {code for name in EDGES for response in documented(name) for code in response.get("x-problem-codes", ())}
    assert set(Code) - answered == ANYWHERE
