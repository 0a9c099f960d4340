"""Unknown addresses."""

from typing import Any

import httpx

from harness.sandbox_client import SandboxClient


async def _calls(client: SandboxClient, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.http.get("/_sandbox/calls", params=query)).json()["calls"]
    return found


async def test_unknown_address_is_answered_and_listed(connected: SandboxClient) -> None:
    found: httpx.Response = await connected.http.get("/v2/post/publish/nothing/")
    wrong = await connected.http.get("/v2/post/publish/video/init/")

    assert (found.status_code, wrong.status_code) == (404, 405)
    assert [(each["endpoint"], each["status"]) for each in await _calls(connected, after=2)] == [
        ("unknown", 404),
        ("unknown", 405),
    ]
