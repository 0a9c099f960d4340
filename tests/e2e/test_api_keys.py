"""API keys from their making to their end, as operators and backends meet them."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.product import Stage
from harness.waiting import eventually
from stack.api_keys import Operator
from stack.errors import KeyRefused

EVERYWHERE_WITHIN = 10.0
"""Many times what it takes on a machine that has nothing else to do."""
PROBES = (("auth", "GET", "/v1/accounts"), ("publisher", "POST", "/v1/posts"), ("analytics", "GET", "/v1/posts/none"))


async def answers(stage: Stage, key: str) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {key}"}
    return [await stage.ask(service, path, headers, method=method) for service, method, path in PROBES]


async def revoke(stage: Stage, tenant: str, key: str) -> None:
    (await stage.administer("DELETE", f"/{tenant}/keys/{key.split('_')[1]}")).raise_for_status()


async def test_a_revoked_key_opens_no_edge_any_more(stage: Stage) -> None:
    tenant = "tenant-of-revoker"
    await stage.key_of(tenant)
    wanted = {"name": "to be revoked", "scopes": ["posts:write", "analytics:read", "accounts:manage"]}
    made = (await stage.administer("POST", f"/{tenant}/keys", wanted)).raise_for_status().json()

    async def codes() -> list[Any]:
        return [answer.json().get("code") for answer in await answers(stage, made["key"])]

    async def known() -> bool:
        return [answer.status_code for answer in await answers(stage, made["key"])] == [200, 422, 404]

    await eventually(known, what="every edge to know the key", within=EVERYWHERE_WITHIN)
    await revoke(stage, tenant, made["key"])
    assert (await codes())[0] == "api_key_revoked"  # where it was revoked, at once

    async def revoked() -> bool:
        return await codes() == ["api_key_revoked"] * len(PROBES)

    await eventually(revoked, what="every edge to hear of it", within=EVERYWHERE_WITHIN)


async def test_a_key_says_on_every_edge_what_is_left_to_it(stage: Stage) -> None:
    tenant = "tenant-of-counter"
    await stage.key_of(tenant)
    wanted = {"name": "rarely used", "scopes": ["posts:write"], "requests_per_minute": 2}
    made = (await stage.administer("POST", f"/{tenant}/keys", wanted)).raise_for_status().json()
    headers = {"Authorization": f"Bearer {made['key']}"}

    async def heard() -> bool:
        return (await stage.ask("publisher", "/v1/posts", headers, method="POST")).status_code == 422

    await eventually(heard, what="the publisher to know the key", within=EVERYWHERE_WITHIN)
    second = await stage.ask("publisher", "/v1/posts", headers, method="POST")
    third = await stage.ask("publisher", "/v1/posts", headers, method="POST")
    assert second.headers["ratelimit"].startswith('"key";r=0;t=')
    assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(third.headers["retry-after"]) <= 30
    # Each edge counts for itself.
    assert (await stage.ask("auth", "/v1/accounts", headers)).headers["ratelimit"] == '"key";r=1;t=30'


async def test_the_stack_keeps_a_good_key_for_its_owner_alone(stage: Stage, tmp_path: Path) -> None:
    operator = Operator(stage.stack.urls, stage.stack.bootstrap_secret)
    path, tenant = tmp_path / "api-key", "tenant-of-keeper"
    await asyncio.to_thread(operator.keep, path, tenant)
    first = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [answer.status_code for answer in await answers(stage, first)] == [200, 422, 404]
    await asyncio.to_thread(operator.keep, path, tenant)
    assert path.read_text().strip() == first
    await revoke(stage, tenant, first)
    await asyncio.to_thread(operator.keep, path, tenant)
    assert path.read_text().strip() != first
    assert stage.stack.api_key_file.read_text().strip() == stage.stack.api_key("acme")


async def test_who_does_not_have_the_bootstrap_secret_makes_no_key(stage: Stage) -> None:
    stranger = Operator(stage.stack.urls, "x" * 43)
    with pytest.raises(KeyRefused, match="tenant-of-stranger: HTTP 401") as refused:
        await asyncio.to_thread(stranger.issue, "tenant-of-stranger")
    assert "x" * 43 not in str(refused.value)
