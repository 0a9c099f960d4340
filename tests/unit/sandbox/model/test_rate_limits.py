"""Calls per minute."""

import httpx
import pytest

from harness.sandbox_client import SandboxClient, error_code
from tiktok_sandbox.runtime.clock import Clock


async def _list(client: SandboxClient, fields: str = "id,create_time", **body: object) -> httpx.Response:
    return await client.call(f"/v2/video/list/?fields={fields}", body)


async def test_each_display_endpoint_allows_600_calls_a_minute(connected: SandboxClient, clock: Clock) -> None:
    answers = [await _list(connected, "id") for _ in range(601)]
    queried = await connected.videos("1", fields="id")
    clock.advance(60)

    assert [each.status_code for each in answers] == [200] * 600 + [429]
    assert error_code(answers[-1]) == "rate_limit_exceeded"
    assert (queried.status_code, (await _list(connected)).status_code) == (200, 200)


@pytest.mark.parametrize(("what", "limit"), [("init", 6), ("status", 30), ("creator_info", 20)])
async def test_token_has_a_limited_number_of_calls_a_minute(
    connected: SandboxClient, clock: Clock, what: str, limit: int
) -> None:
    async def call() -> int:
        arguments = {"init": (5,), "status": ("v_pub_file~v2-1.1",), "creator_info": ()}[what]
        answer = await getattr(connected, what)(*arguments)
        return int(answer.status_code)

    allowed = [await call() for _ in range(limit)]
    over = await call()
    clock.advance(59.9)
    still_over = await call()
    clock.advance(0.1)
    again = await call()

    assert 429 not in allowed
    assert (over, still_over) == (429, 429)
    assert again == allowed[0]


async def test_another_token_has_its_own_limit(connected: SandboxClient) -> None:
    statuses = [(await connected.init(5)).status_code for _ in range(7)]

    other = await (await connected.connect("other-person")).init(5)

    assert statuses == [200] * 6 + [429]
    assert other.status_code == 200
