"""The sandbox as a process: options reach it, and it stops on SIGTERM."""

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


async def test_options_set_time_and_webhooks() -> None:
    options = ("--manual-time", "--time-factor", "60", "--webhook-url", "http://127.0.0.1:9/hook")
    async with _started(*options) as http:
        clock = (await http.get("/_sandbox/clock")).json()
        app = (await http.get("/_sandbox/app")).json()

    assert (clock["factor"], clock["manual"]) == (60, True)
    assert app["webhook_url"] == "http://127.0.0.1:9/hook"


@pytest.mark.parametrize("factor", ["0", "-1", "fast", "1e9"])
async def test_invalid_time_factor_is_refused(factor: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tiktok_sandbox", "--time-factor", factor, stderr=asyncio.subprocess.PIPE
    )
    _, received = await process.communicate()

    assert process.returncode == 2
    assert b"--time-factor" in received


async def test_rules_of_a_file_act_from_the_start(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"endpoint": "*", "action": "outage", "seconds": 60}]')
    async with _started("--manual-time", "--rules", str(rules)) as http:
        during = await http.get("/v2/auth/authorize/")
        await http.post("/_sandbox/clock", json={"seconds": 60})
        after = await http.get("/v2/auth/authorize/")

    assert (during.status_code, after.status_code) == (503, 400)
