"""Rules that hold calls."""

import asyncio

from harness.sandbox_client import SandboxClient, release_rule, wait_until_held

WAIT = 10


async def test_call_held_at_request_has_done_nothing(connected: SandboxClient) -> None:
    rule_id = await connected.add_rule(endpoint="video_init", action="hold")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        init = tasks.create_task(connected.init(5))
        await wait_until_held(connected, rule_id)
        before = (await connected.ledger())["inits"]
        await release_rule(connected, rule_id)

    assert before == []
    assert init.result().status_code == 200
    assert len((await connected.ledger())["inits"]) == 1


async def test_call_held_at_answer_has_done_its_work(connected: SandboxClient) -> None:
    rule_id = await connected.add_rule(endpoint="video_init", at="answer", action="hold")
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        init = tasks.create_task(connected.init(5))
        await wait_until_held(connected, rule_id)
        done = (await connected.ledger())["inits"]
        await release_rule(connected, rule_id)

    assert len(done) == 1
    assert init.result().json()["data"]["publish_id"] == done[0]["publish_id"]


async def test_hold_within_a_body_waits_for_its_bytes(connected: SandboxClient) -> None:
    publish_id, url = await connected.open_upload(53, 10, 5)
    rule_id = await connected.add_rule(endpoint="upload", at="body", action="hold", after_bytes=4, skip=1)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        first = await connected.put(url, bytes(10), 0, 53)
        second = tasks.create_task(connected.put(url, bytes(10), 10, 53))
        await wait_until_held(connected, rule_id)
        meanwhile = (await connected.status(publish_id)).json()["data"]["uploaded_bytes"]
        await release_rule(connected, rule_id)

    assert first.status_code == 206
    assert meanwhile == 10
    assert second.result().status_code == 206
