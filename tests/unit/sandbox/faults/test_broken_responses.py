"""Calls on a real connection that end without a complete answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import httpx
import pytest

from harness.sandbox_client import SMALL, SandboxClient
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.server import Server

SETTINGS = Settings(chunk_limits=SMALL)


WAIT = 10


@asynccontextmanager
async def _meeting(settings: Settings = SETTINGS) -> AsyncIterator[tuple[SandboxClient, Server]]:
    async with (
        Server(settings) as server,
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=WAIT) as http,
    ):
        yield await SandboxClient(http, server.context).connect(), server


async def _holding(client: SandboxClient, rule_id: str, count: int = 1) -> bool:
    holds = client.context.breakpoints
    return await holds.wait_for(lambda: holds.holding(rule_id) == count, WAIT)


ROOMY = Settings()


async def _outcome(call: Awaitable[httpx.Response]) -> int:
    try:
        return (await call).status_code
    except httpx.TransportError:
        return 0


async def _read(answer: httpx.Response, into: bytearray) -> None:
    async for piece in answer.aiter_raw():
        into += piece


@pytest.mark.parametrize("at", ["request", "answer"])
async def test_hanging_call_ends_when_the_client_leaves(at: str) -> None:
    async with _meeting() as (client, _):
        rule_id = await client.add_rule(endpoint="creator_info", at=at, action="hang")
        call = asyncio.create_task(client.creator_info())
        assert await _holding(client, rule_id)
        call.cancel()

        assert await _holding(client, rule_id, 0)
        assert (await client.creator_info()).status_code == 200
        calls = (await client.http.get("/_sandbox/calls", params={"endpoint": "creator_info"})).json()["calls"]

    assert [(each["status"], each["code"], each["rules"]) for each in calls] == [
        (0, "never_answered", [rule_id]),
        (200, "ok", []),
    ]


async def test_hanging_call_is_closed_when_the_rule_is_released() -> None:
    async with _meeting() as (client, _):
        rule_id = await client.add_rule(endpoint="creator_info", action="hang")
        call = asyncio.create_task(client.creator_info())
        assert await _holding(client, rule_id)
        await client.http.post(f"/_sandbox/rules/{rule_id}/release")

        with pytest.raises(httpx.TransportError):
            await call


async def test_hanging_upload_is_read_completely_and_not_stored() -> None:
    async with _meeting(ROOMY) as (client, _):
        publish_id, url = await client.open_upload(4_000_000)
        rule_id = await client.add_rule(endpoint="upload", at="body", after_bytes=1_000, action="hang")
        put = asyncio.create_task(client.put(url, bytes(4_000_000), 0, 4_000_000))
        assert await _holding(client, rule_id)
        put.cancel()
        assert await _holding(client, rule_id, 0)
        stored = (await client.status(publish_id)).json()["data"]["uploaded_bytes"]
        again = await client.put(url, bytes(4_000_000), 0, 4_000_000)

    assert (stored, again.status_code) == (0, 201)


async def test_server_stops_despite_hanging_and_slow_calls() -> None:
    async with asyncio.timeout(WAIT), httpx.AsyncClient(trust_env=False, timeout=WAIT) as http:
        async with Server(SETTINGS) as server:
            http.base_url = httpx.URL(server.url)
            client = await SandboxClient(http, server.context).connect()
            hanging = await client.add_rule(endpoint="creator_info", action="hang")
            slow = await client.add_rule(endpoint="status", action="slow", seconds=3_600)
            calls = (client.creator_info(), client.status("v_pub_file~v2-1.1"))
            gone = [asyncio.create_task(_outcome(each)) for each in calls]
            rules, holds = server.context.tables.rules, server.context.breakpoints
            assert await _holding(client, hanging)
            assert await holds.wait_for(lambda: rules.rows[slow].hits == 1, WAIT)
        statuses = await asyncio.gather(*gone)

    assert statuses[0] == 0
    assert statuses[1] in {0, 400}


@pytest.mark.parametrize(("after", "sent"), [(0, None), (20, 20), (1_000_000, None)])
async def test_truncated_answer_ends_early(after: int, sent: int | None) -> None:
    async with _meeting() as (client, _):
        whole = await client.creator_info()
        await client.add_rule(endpoint="creator_info", at="answer", action="close", after_bytes=after)
        headers = {"Authorization": f"Bearer {client.token}"}
        got = bytearray()
        async with client.http.stream("POST", "/v2/post/publish/creator_info/query/", headers=headers) as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                await _read(answer, got)
        again = await client.creator_info()

    assert answer.status_code == 200
    assert 0 < len(got) < len(whole.content)
    assert sent is None or len(got) == sent
    assert again.status_code == 200


async def test_outage_with_status_0_closes_every_connection() -> None:
    async with _meeting() as (client, _):
        rule_id = await client.add_rule(endpoint="*", action="outage", status=0)
        with pytest.raises(httpx.TransportError):
            await client.creator_info()
        with pytest.raises(httpx.TransportError):
            await client.http.get("/v2/auth/authorize/")
        await client.http.delete(f"/_sandbox/rules/{rule_id}")

        assert (await client.creator_info()).status_code == 200
