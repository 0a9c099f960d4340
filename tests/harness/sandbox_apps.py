"""A sandbox with two apps, and a client of each."""

from typing import Any

import httpx

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import App, Profile, Settings

OTHER_APP = "sbotherapp0000000"
SECOND_APP = "sbotherapp000000"


def settings_with_two_apps(**other: Any) -> Settings:
    """Return settings with a second app and one busy creator."""
    person = Profile(username="busy", daily_post_cap=2, private_account=True)
    return Settings(chunk_limits=SMALL, apps=(App(client_key=SECOND_APP, **other),), creators=(person,))


async def client_of_app(client: SandboxClient, client_key: str, username: str = "busy") -> SandboxClient:
    """Return a client of the same sandbox through another app."""
    answer = await client.http.post("/_sandbox/tokens", json={"client_key": client_key, "username": username})
    return SandboxClient(client.http, client.context, token=answer.json()["access_token"])


async def issue_tokens(client: SandboxClient, **request: object) -> httpx.Response:
    """Create tokens without the consent page."""
    return await client.http.post("/_sandbox/tokens", json={"username": "demo-creator", **request})
