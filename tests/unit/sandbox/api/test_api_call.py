"""Rules that act on whole calls: outages, latency, lost answers."""

import asyncio

import pytest

from harness.sandbox_client import SandboxClient, error_code
from tiktok_sandbox.errors import AnswerLost
from tiktok_sandbox.runtime.clock import Clock

WAIT = 10


async def test_outage_meets_every_call_and_ends_by_the_clock(connected: SandboxClient, clock: Clock) -> None:
    await connected.add_rule(endpoint="*", action="outage", seconds=60)

    during = [
        (await connected.creator_info()).status_code,
        (await connected.http.get("/v2/auth/authorize/", params=connected.authorization_query())).status_code,
        (await connected.refresh(connected.tokens["refresh_token"])).status_code,
    ]
    clock.advance(59)
    late = (await connected.creator_info()).status_code
    clock.advance(1)

    assert (during, late) == ([503, 503, 503], 503)
    assert (await connected.creator_info()).status_code == 200
    assert (await connected.http.get("/_sandbox/overview")).json()["rules"][0]["ended"]


async def test_slow_call_takes_the_time_by_the_clock(connected: SandboxClient, clock: Clock) -> None:
    rule_id = await connected.add_rule(endpoint="creator_info", action="slow", seconds=30)
    async with asyncio.timeout(WAIT), asyncio.TaskGroup() as tasks:
        slow = tasks.create_task(connected.creator_info())
        await connected.http.get(f"/_sandbox/rules/{rule_id}/wait", params={"hits": 1, "timeout": WAIT})
        clock.advance(29)
        await asyncio.wait({slow}, timeout=0.05)
        early = slow.done()
        clock.advance(1)

    assert (early, slow.result().status_code) == (False, 200)


async def test_status_at_answer_hides_the_work(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="video_init", at="answer", action="status", status=500)

    answer = await connected.init(5)

    assert (answer.status_code, error_code(answer)) == (500, "internal_error")
    assert len((await connected.ledger())["inits"]) == 1


@pytest.mark.parametrize(("at", "inits"), [("request", 0), ("answer", 1)])
async def test_lost_answer_ends_the_call_without_an_answer(connected: SandboxClient, at: str, inits: int) -> None:
    await connected.add_rule(endpoint="video_init", at=at, action="lose_answer")

    with pytest.raises(AnswerLost):
        await connected.init(5)

    assert len((await connected.ledger())["inits"]) == inits


async def test_lost_refresh_ends_the_old_refresh_token(connected: SandboxClient) -> None:
    await connected.add_rule(endpoint="token", at="answer", action="lose_answer")
    with pytest.raises(AnswerLost):
        await connected.refresh(connected.tokens["refresh_token"])

    again = await connected.refresh(connected.tokens["refresh_token"])

    assert again.json()["error"] == "invalid_grant"
