"""Rules through the admin API: wait, end, and refusals."""

import asyncio

import httpx
import pytest

from harness.sandbox_client import SandboxClient

WAIT = 10


async def test_deleted_rule_does_not_act(connected: SandboxClient) -> None:
    rule_id = await connected.add_rule(endpoint="creator_info", action="status", times=9)
    await connected.creator_info()

    ended = await connected.http.delete(f"/_sandbox/rules/{rule_id}")

    assert ended.json()["ended"]
    assert (await connected.creator_info()).status_code == 200


async def test_wait_ends_after_its_timeout(client: SandboxClient) -> None:
    rule_id = await client.add_rule(endpoint="status", action="hold")

    answer = await client.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"holding": 1, "timeout": 0.01})

    assert (answer.status_code, answer.json()["holding"]) == (408, 0)


async def test_wait_for_hits_needs_no_held_call(connected: SandboxClient) -> None:
    rule_id = await connected.add_rule(endpoint="creator_info", action="status")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1}))
        await connected.creator_info()

    assert waiting.result().json()["hits"] == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"endpoint": "everything", "action": "hold"},
        {"endpoint": "status", "action": "explode"},
        {"endpoint": "status", "action": "hold", "tittle": "a typo"},
        {"endpoint": "status"},
    ],
)
async def test_invalid_rule_is_refused(client: SandboxClient, rule: dict[str, str]) -> None:
    assert (await client.http.post("/_sandbox/rules", json=rule)).status_code == 422


@pytest.mark.parametrize("path", ["/_sandbox/rules/9", "/_sandbox/rules/9/wait"])
async def test_unknown_rule_is_not_found(client: SandboxClient, path: str) -> None:
    found: httpx.Response = await client.http.get(path)

    assert found.status_code == 404
