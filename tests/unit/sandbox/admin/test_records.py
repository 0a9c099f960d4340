"""The lists of calls and secrets."""

import json
from typing import Any

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.runtime.clock import Clock


async def _calls(client: SandboxClient, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.http.get("/_sandbox/calls", params=query)).json()["calls"]
    return found


CONTENT = b"a small video"


async def test_call_is_listed_with_everything_but_secrets(connected: SandboxClient, clock: Clock) -> None:
    publish_id, url = await connected.open_upload(5)
    rule_id = await connected.add_rule(endpoint="*", action="takedown")
    clock.advance(7)
    await connected.put(url, b"bytes", 0, 5)

    seen = (await _calls(connected))[-1]

    assert seen.pop("seconds") >= 0
    assert seen == {
        "number": 4,
        "at": clock.now(),
        "method": "PUT",
        "path": "/upload/video/",
        "endpoint": "upload",
        "open_id": connected.tokens["open_id"],
        "username": "demo-creator",
        "client_key": connected.app["client_key"],
        "publish_id": publish_id,
        "status": 201,
        "code": "ok",
        "bytes": 5,
        "rules": [rule_id],
    }


async def test_calls_can_be_filtered(connected: SandboxClient) -> None:
    await connected.creator_info()
    await (await connected.connect("other-person")).creator_info()

    assert [each["endpoint"] for each in await _calls(connected, after=4)] == ["token", "creator_info"]
    [found] = await _calls(connected, endpoint="creator_info", username="other-person")
    assert found["number"] == 6
    assert (await connected.http.get("/_sandbox/calls", params={"after": "x"})).status_code == 422
    assert (await connected.http.get("/_sandbox/calls", params={"about": "me"})).status_code == 422


async def test_calls_are_listed_without_secrets(connected: SandboxClient) -> None:
    _, url = await connected.open_upload(len(CONTENT))
    await connected.put(url, CONTENT, 0, len(CONTENT))

    calls = (await connected.http.get("/_sandbox/calls")).json()["calls"]

    assert [(each["endpoint"], each["status"]) for each in calls] == [
        ("consent", 302),
        ("token", 200),
        ("video_init", 200),
        ("upload", 201),
    ]
    assert connected.token not in json.dumps(calls)
    assert "upload_token" not in json.dumps(calls)


async def test_secrets_with_an_unknown_filter_are_refused(client: SandboxClient) -> None:
    for asked in ({"kind": "access_token"}, {"after": "yesterday"}):
        assert (await client.http.get("/_sandbox/secrets", params=asked)).status_code == 422
