"""A throttled media server sends as slowly as it was asked to, by the client's clock."""

import asyncio

import httpx
import pytest
from starlette.responses import Response

from harness import virtual_time
from stack.media import Throttled


@pytest.mark.parametrize(("size", "rate", "seconds"), [(1000, 100, 10.0), (1000, 4000, 0.25), (0, 100, 0.0)])
def test_throttled_answer_takes_its_size_divided_by_the_rate(size: int, rate: int, seconds: float) -> None:
    async def ask() -> tuple[int, float]:
        app = Throttled(Response(bytes(size)), bytes_per_second=rate)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), trust_env=False) as client:
            length = len((await client.get("http://media.test/")).content)
        return length, asyncio.get_running_loop().time()

    length, took = virtual_time.run(ask())
    assert length == size
    assert took == pytest.approx(seconds)
