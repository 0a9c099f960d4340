"""A sandbox whose app has a webhook, and its deliveries."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from harness.sandbox_client import BASE, SMALL, SandboxClient
from harness.webhook_receiver import Receiver
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import App, Settings, Webhooks
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

SECRET = "of-the-app"
NOON = 1_795_000_000
IN_TIME = 10


def settings_for(receiver: Receiver, **webhooks: Any) -> Settings:
    app = App(client_secret=SECRET, webhook_url=receiver.url)
    return Settings(app=app, chunk_limits=SMALL, webhooks=Webhooks(**webhooks))


@asynccontextmanager
async def sandbox_in_memory(settings: Settings, clock: Clock) -> AsyncIterator[SandboxClient]:
    """Run a sandbox without a socket."""
    context = AppContext(settings, base_url=BASE, clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(context)), base_url=BASE) as http:
        yield SandboxClient(http, context)
    await context.close()


@asynccontextmanager
async def sandbox_with_state(settings: Settings, clock: Clock, folder: Path) -> AsyncIterator[SandboxClient]:
    """Run a sandbox on a port, with saved state."""
    async with (
        Server(settings, clock=clock, state_folder=folder) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield SandboxClient(http, server.context)


async def wait_until(client: SandboxClient, condition: Callable[[], bool]) -> None:
    """Wait for a condition over the sandbox's state."""
    assert await client.context.breakpoints.wait_for(condition, IN_TIME), await deliveries_of(client)


async def deliveries_of(client: SandboxClient, **only: str) -> list[dict[str, Any]]:
    """Return the deliveries, filtered by the admin API's parameters."""
    found: list[dict[str, Any]] = (await client.http.get("/_sandbox/webhooks", params=only)).json()["deliveries"]
    return found


async def deliveries_after(client: SandboxClient, count: int) -> list[dict[str, Any]]:
    """Return every delivery, once this many attempts were made in total."""
    rows = client.context.tables.deliveries.rows
    await wait_until(client, lambda: sum(len(each.attempts) for each in rows.values()) == count)
    return await deliveries_of(client)
