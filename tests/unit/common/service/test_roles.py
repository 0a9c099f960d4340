"""Roles of a process: what is not ready, and writes that Kafka did not confirm."""

import asyncio

import httpx
import pytest
from fastapi import APIRouter

from common.contract.body import Body
from common.contract.post import PostRequested, PrivacyLevel, Source
from common.errors import NotDurable
from common.http.app import create_app
from common.service.roles import DurableWriter, RunningRole, add_routers, not_ready, serve_roles
from common.service.settings import ServiceSettings
from common.streams import LogUnavailable

REQUEST = PostRequested(
    post_id="post-1",
    account_id="acc_a",
    tenant="t1",
    source=Source(url="https://media.example/v.mp4"),
    privacy_level=PrivacyLevel.SELF_ONLY,
)


class LocalSettings(ServiceSettings):
    http_port: int = 0


class AwayProducer:
    """A producer whose broker does not answer."""

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        raise LogUnavailable(TimeoutError("no answer"))


async def run_nothing(stop: asyncio.Event) -> None:
    await stop.wait()


def role(*, ready: bool) -> RunningRole:
    return RunningRole(runs=(run_nothing,), ready=lambda: ready, not_ready="not all partitions are open")


async def test_unconfirmed_write_names_its_post() -> None:
    with pytest.raises(NotDurable, match="`post-1`") as caught:
        await DurableWriter(AwayProducer()).write(REQUEST)
    assert caught.value.about == "post-1"


def test_readiness_names_each_role_that_is_not_ready() -> None:
    assert not_ready({"worker": role(ready=False), "edge": role(ready=True)}) == {
        "worker": "not all partitions are open"
    }


async def test_added_routers_are_served() -> None:
    router = APIRouter()

    @router.get("/answer")
    async def answer() -> int:
        return 42

    app = create_app(service="example", ready=dict)
    add_routers(router)(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://edge") as client:
        assert (await client.get("/answer")).json() == 42


async def test_failing_role_stops_the_others() -> None:
    stopped = asyncio.Event()

    async def fail(stop: asyncio.Event) -> None:
        message = "the role failed"
        raise RuntimeError(message)

    async def serve_until_cancelled(stop: asyncio.Event) -> None:
        try:
            await stop.wait()
        finally:
            stopped.set()

    roles = {
        name: RunningRole(runs=(run,), ready=lambda: True, not_ready="-")
        for name, run in (("worker", fail), ("edge", serve_until_cancelled))
    }
    with pytest.raises(ExceptionGroup) as caught:
        await serve_roles(roles, service="example", settings=LocalSettings(), stop=asyncio.Event())
    assert "the role failed" in str(caught.value.exceptions)
    assert stopped.is_set()
