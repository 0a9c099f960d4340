"""The demo's backend: its request fits the contract, and a refusal names its code."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from common.contract.post import PostRequested
from stack.demo.backend import post_request, submit_post
from stack.errors import RequestRefused

PUBLISHER = "http://publisher.test"
POST = post_request(account_id="acc_7", post_id="spring-1", source_url="https://media.test/clip.mp4", caption="Spring")


class Publisher:
    """The publisher's `POST /v1/posts` with one prepared answer."""

    def __init__(self) -> None:
        self.status = 202
        self.answer: dict[str, Any] = {"post_id": "spring-1", "account_id": "acc_7"}
        self.received: list[tuple[str, Any]] = []

    async def submit(self, request: Request) -> Response:
        self.received.append((request.headers["authorization"], await request.json()))
        return JSONResponse(self.answer, status_code=self.status)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
async def web(publisher: Publisher) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/v1/posts", publisher.submit, methods=["POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False) as client:
        yield client


def test_post_request_with_a_tenant_fits_the_contract() -> None:
    body = msgspec.convert({**POST, "tenant": "acme"}, PostRequested)
    assert (body.post_id, body.account_id, body.tenant) == ("spring-1", "acc_7", "acme")


async def test_submit_sends_the_body_with_the_key(web: httpx.AsyncClient, publisher: Publisher) -> None:
    await submit_post(web, PUBLISHER, key="pb_of_acme", post=POST)
    assert publisher.received == [("Bearer pb_of_acme", POST)]


async def test_submit_refused_raises_code_and_detail(web: httpx.AsyncClient, publisher: Publisher) -> None:
    publisher.status = 404
    publisher.answer = {"code": "unknown_account", "title": "Unknown account", "detail": "Connect it first."}
    with pytest.raises(RequestRefused, match=r"HTTP 404, unknown_account\. Connect it first\."):
        await submit_post(web, PUBLISHER, key="pb_of_acme", post=POST)
