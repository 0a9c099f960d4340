"""Calls on a real port that end otherwise than with a whole answer, or slowly."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from harness.sandbox_client import SMALL, Visitor
from tiktok_sandbox.errors import SettingsUnreadable
from tiktok_sandbox.faults.actions import Action, Endpoint
from tiktok_sandbox.faults.rules import Rule
from tiktok_sandbox.model.settings import Settings, read_rules
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)
ROOMY = Settings()
WAIT = 10


@asynccontextmanager
async def _meeting(settings: Settings = SETTINGS) -> AsyncIterator[tuple[Visitor, Server]]:
    async with (
        Server(settings) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=WAIT) as http,
    ):
        yield await Visitor(http, server.context).connect(), server


async def _holding(visitor: Visitor, rule_id: str, count: int = 1) -> bool:
    holds = visitor.context.breakpoints
    return await holds.wait_for(lambda: holds.holding(rule_id) == count, WAIT)


@pytest.mark.parametrize("at", ["request", "answer"])
async def test_a_client_that_gives_up_waiting_is_let_go(at: str) -> None:
    async with _meeting() as (visitor, _):
        rule_id = await visitor.rule(endpoint="creator_info", at=at, action="hang")
        call = asyncio.create_task(visitor.creator_info())
        assert await _holding(visitor, rule_id)
        call.cancel()

        assert await _holding(visitor, rule_id, 0)
        assert (await visitor.creator_info()).status_code == 200
        calls = (await visitor.http.get("/_sandbox/calls", params={"endpoint": "creator_info"})).json()["calls"]

    assert [(each["status"], each["code"], each["rules"]) for each in calls] == [
        (0, "never_answered", [rule_id]),
        (200, "ok", []),
    ]


async def test_a_client_that_waits_in_vain_is_cut_off_when_the_rule_is_released() -> None:
    async with _meeting() as (visitor, _):
        rule_id = await visitor.rule(endpoint="creator_info", action="hang")
        call = asyncio.create_task(visitor.creator_info())
        assert await _holding(visitor, rule_id)
        await visitor.http.post(f"/_sandbox/rules/{rule_id}/release")

        with pytest.raises(httpx.TransportError):
            await call


async def test_an_upload_that_hangs_is_read_to_its_end_and_counts_for_nothing() -> None:
    async with _meeting(ROOMY) as (visitor, _):
        publish_id, url = await visitor.opened(4_000_000)
        rule_id = await visitor.rule(endpoint="upload", at="body", after_bytes=1_000, action="hang")
        put = asyncio.create_task(visitor.put(url, bytes(4_000_000), 0, 4_000_000))
        assert await _holding(visitor, rule_id)
        put.cancel()
        assert await _holding(visitor, rule_id, 0)
        stored = (await visitor.status(publish_id)).json()["data"]["uploaded_bytes"]
        again = await visitor.put(url, bytes(4_000_000), 0, 4_000_000)

    assert (stored, again.status_code) == (0, 201)


async def test_the_stand_in_stops_though_somebody_waits_in_vain_or_is_slow() -> None:
    async with asyncio.timeout(WAIT), httpx.AsyncClient(trust_env=False, timeout=WAIT) as http:
        async with Server(SETTINGS) as server:
            http.base_url = httpx.URL(server.url)
            visitor = await Visitor(http, server.context).connect()
            hanging = await visitor.rule(endpoint="creator_info", action="hang")
            slow = await visitor.rule(endpoint="status", action="slow", seconds=3_600)
            calls = (visitor.creator_info(), visitor.status("v_pub_file~v2-1.1"))
            gone = [asyncio.create_task(_outcome(each)) for each in calls]
            rules, holds = server.context.tables.rules, server.context.breakpoints
            assert await _holding(visitor, hanging)
            assert await holds.wait_for(lambda: rules.rows[slow].hits == 1, WAIT)
        statuses = await asyncio.gather(*gone)

    assert statuses[0] == 0
    assert statuses[1] in {0, 400}


async def _outcome(call: Awaitable[httpx.Response]) -> int:
    try:
        return (await call).status_code
    except httpx.TransportError:
        return 0


async def _read(answer: httpx.Response, into: bytearray) -> None:
    async for piece in answer.aiter_raw():
        into += piece


@pytest.mark.parametrize(("after", "sent"), [(0, None), (20, 20), (1_000_000, None)])
async def test_an_answer_breaks_off_in_its_middle(after: int, sent: int | None) -> None:
    async with _meeting() as (visitor, _):
        whole = await visitor.creator_info()
        await visitor.rule(endpoint="creator_info", at="answer", action="close", after_bytes=after)
        headers = {"Authorization": f"Bearer {visitor.token}"}
        got = bytearray()
        async with visitor.http.stream("POST", "/v2/post/publish/creator_info/query/", headers=headers) as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                await _read(answer, got)
        again = await visitor.creator_info()

    assert answer.status_code == 200
    assert 0 < len(got) < len(whole.content)
    assert sent is None or len(got) == sent
    assert again.status_code == 200


async def test_an_upload_breaks_off_in_its_middle_and_can_be_sent_again() -> None:
    async with _meeting(ROOMY) as (visitor, _):
        publish_id, url = await visitor.opened(4_000_000)
        await visitor.rule(endpoint="upload", at="body", after_bytes=2_000_000, action="close")

        with pytest.raises(httpx.TransportError):
            await visitor.put(url, bytes(4_000_000), 0, 4_000_000)
        again = await visitor.put(url, bytes(4_000_000), 0, 4_000_000)
        [init] = (await visitor.ledger())["inits"]

    assert again.status_code == 201
    assert init["publish_id"] == publish_id
    assert 6_000_000 <= init["bytes_read"] < 8_000_000


async def test_a_slow_upload_is_slow_on_the_wire() -> None:
    async with _meeting(ROOMY) as (visitor, _):
        size = 3_000_000
        _, url = await visitor.opened(size)
        await visitor.rule(endpoint="upload", action="slow", bytes_per_second=10_000_000)
        answer = await visitor.put(url, bytes(size), 0, size)
        [call] = (await visitor.http.get("/_sandbox/calls", params={"endpoint": "upload"})).json()["calls"]

    assert answer.status_code == 201
    assert call["bytes"] == size
    assert 0.28 < call["seconds"] < WAIT


async def test_an_outage_can_cut_every_connection() -> None:
    async with _meeting() as (visitor, _):
        rule_id = await visitor.rule(endpoint="*", action="outage", status=0)
        with pytest.raises(httpx.TransportError):
            await visitor.creator_info()
        with pytest.raises(httpx.TransportError):
            await visitor.http.get("/v2/auth/authorize/")
        await visitor.http.delete(f"/_sandbox/rules/{rule_id}")

        assert (await visitor.creator_info()).status_code == 200


async def test_rules_to_begin_with_act_from_the_start_and_once(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"endpoint": "creator_info", "action": "rate_limit"}]))
    settings = Settings(chunk_limits=SMALL, rules=read_rules(rules))
    for statuses in ([429, 200], [200, 200]):
        async with Server(settings, state_folder=tmp_path / "state") as server:
            http = httpx.AsyncClient(base_url=server.url, trust_env=False)
            async with http:
                visitor = await Visitor(http, server.context).connect()
                assert [(await visitor.creator_info()).status_code for _ in range(2)] == statuses
                assert len(server.context.tables.rules.rows) == 1

    assert settings.rules == (Rule(endpoint=Endpoint.CREATOR_INFO, action=Action.RATE_LIMIT),)


@pytest.mark.parametrize("text", ["", "{}", '[{"endpoint": "status"}]', '[{"endpoint": "status", "action": "slow"}]'])
def test_rules_that_cannot_be_meant_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(text)

    with pytest.raises(SettingsUnreadable, match=r"rules\.json: "):
        read_rules(path)


def test_rules_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsUnreadable):
        read_rules(tmp_path / "nothing.json")
