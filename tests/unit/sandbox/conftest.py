"""A sandbox whose real clock stands still, reached without a socket."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from harness.sandbox_apps import OTHER_APP, settings_with_two_apps
from harness.sandbox_client import BASE, SMALL, NewClient, SandboxClient
from harness.sandbox_drafts import UPLOAD_SCOPES
from harness.sandbox_webhooks import sandbox_in_memory, settings_for
from harness.webhook_receiver import Receiver, receiving
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """A clock that moves only when a test advances it."""
    return Clock(lambda: 1_795_000_000.0)


@pytest.fixture
async def new_client(clock: Clock) -> AsyncIterator[NewClient]:
    """Returns a function that starts a sandbox with given settings."""
    connections: list[httpx.AsyncClient] = []
    contexts: list[AppContext] = []

    async def met(settings: Settings) -> SandboxClient:
        context = AppContext(settings, base_url=BASE, clock=clock)
        contexts.append(context)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(context)), base_url=BASE)
        connections.append(http)
        return SandboxClient(http, context)

    yield met
    for http in connections:
        await http.aclose()
    for context in contexts:
        await context.close()


@pytest.fixture
async def client(new_client: NewClient) -> SandboxClient:
    """A client of a sandbox with default settings and small chunks."""
    return await new_client(Settings(chunk_limits=SMALL))


@pytest.fixture
async def connected(client: SandboxClient) -> SandboxClient:
    """A client with an access token."""
    return await client.connect()


@pytest.fixture
async def uploader(client: SandboxClient) -> SandboxClient:
    """A client with a token for drafts only."""
    return await client.connect(scope=UPLOAD_SCOPES)


@pytest.fixture
async def first_app(new_client: NewClient) -> SandboxClient:
    return await (await new_client(settings_with_two_apps())).connect("busy")


@pytest.fixture
async def other_app(client: SandboxClient) -> dict[str, Any]:
    """A second app."""
    answer = await client.http.post("/_sandbox/apps", json={"client_key": OTHER_APP, "name": "Other"})
    assert answer.status_code == 201, answer.text
    app: dict[str, Any] = answer.json()
    return app


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A server that records the webhooks it receives."""
    async with receiving() as found:
        yield found


@pytest.fixture
async def subscribed(receiver: Receiver, clock: Clock) -> AsyncIterator[SandboxClient]:
    """A connected client whose app has the receiver as webhook URL."""
    async with sandbox_in_memory(settings_for(receiver), clock) as found:
        yield await found.connect()
