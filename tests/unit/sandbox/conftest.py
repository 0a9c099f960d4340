"""A stand-in with a clock that stands still, reached without a socket."""

from collections.abc import AsyncIterator

import httpx
import pytest

from harness.sandbox_client import BASE, SMALL, Meet, Visitor
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock(lambda: 1_795_000_000.0)


@pytest.fixture
async def meet(clock: Clock) -> AsyncIterator[Meet]:
    """A visitor of a stand-in with settings of its own."""
    clients: list[httpx.AsyncClient] = []
    contexts: list[AppContext] = []

    async def met(settings: Settings) -> Visitor:
        context = AppContext(settings, base_url=BASE, clock=clock)
        contexts.append(context)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(context)), base_url=BASE)
        clients.append(client)
        return Visitor(client, context)

    yield met
    for client in clients:
        await client.aclose()
    for context in contexts:
        await context.close()


@pytest.fixture
async def visitor(meet: Meet) -> Visitor:
    return await meet(Settings(chunk_limits=SMALL))


@pytest.fixture
async def connected(visitor: Visitor) -> Visitor:
    return await visitor.connect()
