"""Every error of an app is a problem document, and none of them shows a secret."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field

from common.http.app import create_app
from common.http.errors import Problem
from common.http.problems import PROBLEM_MEDIA_TYPE, Code


class Order(BaseModel):
    caption: str = Field(max_length=5)
    access_token: str = Field(default="", max_length=3)
    size: int = Field(ge=1, le=9)


def an_app() -> FastAPI:
    app = create_app(service="example", ready=dict, registry=CollectorRegistry())

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    @app.get("/known")
    async def known() -> None:
        raise Problem(Code.AMBIGUOUS_POST, "Name one of two.", members={"post_id": "p"}, headers={"X-Two": "2"})

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as opened:
        yield opened


async def test_problem_is_a_document_with_a_stable_code(client: httpx.AsyncClient) -> None:
    answer = await client.get("/known")
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.json() == {
        "type": "urn:postbus:problem:ambiguous_post",
        "title": "Ambiguous post",
        "status": 409,
        "code": "ambiguous_post",
        "detail": "Name one of two.",
        "post_id": "p",
    }


async def test_validation_error_names_field_value_and_limit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/orders", json={"caption": "too long", "size": 0})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_request")
    caption, size = problem["errors"]
    assert (caption["field"], caption["value"], caption["limit"]) == ("body.caption", "too long", {"max_length": 5})
    assert (size["field"], size["value"], size["limit"]) == ("body.size", 0, {"ge": 1})
    assert "body.size: Input should be greater than or equal to 1" in problem["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"caption": "a", "size": NaN}',
        b'{"caption": "a", "size": 1e999}',
        b'{"caption": "longer \\ud800", "size": 1}',
        b'{"caption": "a", "size": 1, "access_token": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"\xff",
        b"[" * 100_000,
    ],
)
async def test_value_that_json_cannot_repeat_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/orders", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert answer.json()["code"]


async def test_validation_error_never_shows_a_secret(client: httpx.AsyncClient) -> None:
    for body in ({"caption": "x", "size": 1, "access_token": "planted"}, {"access_token": "planted"}):
        answer = await client.post("/orders", json=body)
        assert answer.status_code == 422
        assert "planted" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/orders", 405, "method_not_allowed"),
        ("GET", "/bug", 500, "internal_error"),
    ],
)
async def test_every_error_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    assert "ZeroDivision" not in answer.text
