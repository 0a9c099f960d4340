"""The data of the dashboard."""

from typing import Any

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.model.settings import Profile


async def _overview(client: SandboxClient, **query: str) -> dict[str, Any]:
    found: dict[str, Any] = (await client.http.get("/_sandbox/overview", params=query)).json()
    return found


async def test_overview_has_the_newest_first_and_no_secrets(connected: SandboxClient) -> None:
    first = await connected.post_video(b"bytes", title="first")
    second, url = await connected.open_upload(5, title="second")

    seen = await _overview(connected)
    text = str(seen)

    assert [each["publish_id"] for each in seen["posts"]] == [second, first]
    assert [each["endpoint"] for each in seen["calls"]] == ["video_init", "upload", "video_init", "token", "consent"]
    [account] = seen["accounts"]
    assert account["username"] == "demo-creator"
    assert [each["app"] for each in account["connections"]] == [connected.app["client_key"]]
    assert seen["counts"] == {"posts": 2, "calls": 5, "accounts": 1, "rules": 0, "webhooks": 0}
    secrets = (connected.token, connected.app["client_secret"], url.partition("upload_token=")[2])
    assert not [secret for secret in secrets if secret in text]


async def test_overview_finds_accounts_by_name(connected: SandboxClient) -> None:
    for number in range(3_000):
        connected.context.tables.creators.save(Profile(username=f"person{number}"))

    everybody = await _overview(connected)
    one = await _overview(connected, username="PERSON2999")

    assert (len(everybody["accounts"]), everybody["counts"]["accounts"]) == (100, 3_001)
    assert [each["username"] for each in one["accounts"]] == ["person2999"]


async def test_overview_shows_a_rules_non_default_fields(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="status", action="error", code="rate_limit_exceeded", times=3)

    [rule] = (await _overview(connected))["rules"]

    assert rule["rule"] == {"endpoint": "status", "action": "error", "code": "rate_limit_exceeded", "times": 3}
