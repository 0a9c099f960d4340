"""Headers that are set before there is a response are on it, whether it succeeds or fails."""

import httpx
import pytest
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry

from common.http.app import create_app
from common.http.errors import Problem
from common.http.problems import Code
from common.http.response_headers import response_headers, set_response_header


def an_app() -> FastAPI:
    app = create_app(service="example", ready=dict, registry=CollectorRegistry())

    @app.get("/{ending}")
    async def end(ending: str, request: Request) -> str:
        set_response_header(request.scope, {"X-First": "1", "X-Second": "1"})
        set_response_header(request.scope, {"X-Second": "2"})
        match ending:
            case "problem":
                raise Problem(Code.UNKNOWN_POST)
            case "bug":
                raise ZeroDivisionError
            case _:
                return "done"

    return app


@pytest.mark.parametrize(("ending", "status"), [("success", 200), ("problem", 404), ("bug", 500)])
async def test_headers_are_on_every_response(ending: str, status: int) -> None:
    transport = httpx.ASGITransport(an_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        answer = await client.get(f"/{ending}")
    assert (answer.status_code, answer.headers["X-First"], answer.headers["X-Second"]) == (status, "1", "2")


def test_request_without_headers_has_none() -> None:
    assert response_headers({}) == {}
