"""Moving the clock through the admin API."""

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.runtime.clock import Clock
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)


async def test_clock_api_changes_the_pace_and_advances(client: SandboxClient, clock: Clock) -> None:
    start = clock.now()
    faster = (await client.http.post("/_sandbox/clock", json={"factor": 60})).json()
    still = (await client.http.post("/_sandbox/clock", json={"manual": True, "seconds": 30})).json()
    seen = (await client.http.get("/_sandbox/clock")).json()
    on = (await client.http.post("/_sandbox/clock", json={"factor": 1})).json()

    assert faster == {"now": start, "ahead": 0, "factor": 60, "manual": False}
    assert still == seen == {"now": start + 30, "ahead": 30, "factor": 60, "manual": True}
    assert (on["factor"], on["manual"]) == (1, False)


@pytest.mark.parametrize("body", [{"seconds": -1}, {"factor": 0}, {"factor": 1e9}, {"speed": 2}, []])
async def test_clock_api_refuses_an_invalid_change(client: SandboxClient, body: object) -> None:
    assert (await client.http.post("/_sandbox/clock", json=body)).status_code == 422


async def test_clock_api_advances_by_seconds(clock: Clock) -> None:
    async with Server(SETTINGS, clock=clock) as server, httpx.AsyncClient(base_url=server.url) as http:
        moved = await http.post("/_sandbox/clock", json={"seconds": 60})
        back = await http.post("/_sandbox/clock", json={"seconds": -1})

    assert moved.json()["now"] == 1_795_000_060.0
    assert back.status_code == 422
