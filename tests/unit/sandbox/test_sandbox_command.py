"""The stand-in as a process of its own: its options reach it, and it stops when it is told to."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

IN_TIME = 30


@asynccontextmanager
async def _started(*options: str) -> AsyncIterator[httpx.AsyncClient]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tiktok_sandbox", *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(IN_TIME):
        word, _, ready = (await process.stdout.readline()).decode().partition(" ")
        assert word == "ready"
        async with httpx.AsyncClient(base_url=json.loads(ready)["url"], trust_env=False) as http:
            yield http
        process.terminate()
        assert await process.wait() == 0


async def test_time_and_webhooks_as_the_options_say() -> None:
    options = ("--manual-time", "--time-factor", "60", "--webhook-url", "http://127.0.0.1:9/hook")
    async with _started(*options) as http:
        clock = (await http.get("/_sandbox/clock")).json()
        app = (await http.get("/_sandbox/app")).json()

    assert (clock["factor"], clock["manual"]) == (60, True)
    assert app["webhook_url"] == "http://127.0.0.1:9/hook"


@pytest.mark.parametrize("factor", ["0", "-1", "fast", "1e9"])
async def test_a_pace_that_is_none_is_refused(factor: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tiktok_sandbox", "--time-factor", factor, stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()

    assert process.returncode == 2
    assert b"--time-factor" in told


async def test_calls_go_wrong_from_the_start_as_a_file_says(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"endpoint": "*", "action": "outage", "seconds": 60}]')
    async with _started("--manual-time", "--rules", str(rules)) as http:
        during = await http.get("/v2/auth/authorize/")
        await http.post("/_sandbox/clock", json={"seconds": 60})
        after = await http.get("/v2/auth/authorize/")

    assert (during.status_code, after.status_code) == (503, 400)
