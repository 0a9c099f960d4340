"""API keys on real processes: issued, limited, revoked."""

import asyncio
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.product import Product
from harness.waiting import eventually
from stack.api_keys import Operator
from stack.errors import ApiKeyNotCreated

EVERYWHERE_WITHIN = 10.0
"""Many times what an idle machine needs."""
PROBES = (("auth", "GET", "/v1/accounts"), ("publisher", "POST", "/v1/posts"), ("analytics", "GET", "/v1/posts/none"))


async def answers(product: Product, key: str) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {key}"}
    return [await product.call(service, path, headers, method=method) for service, method, path in PROBES]


async def revoke(product: Product, tenant: str, key: str) -> None:
    (await product.administer("DELETE", f"/{tenant}/keys/{key.split('_')[1]}")).raise_for_status()


async def test_revoked_key_is_refused_by_every_service(product: Product) -> None:
    tenant = "tenant-of-revoker"
    await product.key_of(tenant)
    wanted = {"name": "to be revoked", "scopes": ["posts:write", "analytics:read", "accounts:manage"]}
    made = (await product.administer("POST", f"/{tenant}/keys", wanted)).raise_for_status().json()

    async def codes() -> list[Any]:
        return [answer.json().get("code") for answer in await answers(product, made["key"])]

    async def known() -> bool:
        return [answer.status_code for answer in await answers(product, made["key"])] == [200, 422, 404]

    await eventually(known, what="every edge to know the key", within=EVERYWHERE_WITHIN)
    await revoke(product, tenant, made["key"])
    assert (await codes())[0] == "api_key_revoked"  # where it was revoked, at once

    async def revoked() -> bool:
        return await codes() == ["api_key_revoked"] * len(PROBES)

    await eventually(revoked, what="every edge to refuse the key", within=EVERYWHERE_WITHIN)


async def test_each_service_reports_the_keys_remaining_requests(product: Product) -> None:
    tenant = "tenant-of-counter"
    await product.key_of(tenant)
    wanted = {"name": "rarely used", "scopes": ["posts:write"], "requests_per_minute": 2}
    made = (await product.administer("POST", f"/{tenant}/keys", wanted)).raise_for_status().json()
    headers = {"Authorization": f"Bearer {made['key']}"}

    async def known() -> bool:
        return (await product.call("publisher", "/v1/posts", headers, method="POST")).status_code == 422

    await eventually(known, what="the publisher to know the key", within=EVERYWHERE_WITHIN)
    second = await product.call("publisher", "/v1/posts", headers, method="POST")
    third = await product.call("publisher", "/v1/posts", headers, method="POST")
    assert second.headers["ratelimit"].startswith('"key";r=0;t=')
    assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(third.headers["retry-after"]) <= 30
    # Each edge counts for itself.
    assert (await product.call("auth", "/v1/accounts", headers)).headers["ratelimit"] == '"key";r=1;t=30'


async def test_stack_keeps_a_valid_key_in_a_private_file(product: Product, tmp_path: Path) -> None:
    operator = Operator(product.stack.urls, product.stack.bootstrap_secret)
    path, tenant = tmp_path / "api-key", "tenant-of-keeper"
    await asyncio.to_thread(operator.write_key, path, tenant)
    first = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [answer.status_code for answer in await answers(product, first)] == [200, 422, 404]
    await asyncio.to_thread(operator.write_key, path, tenant)
    assert path.read_text().strip() == first
    await revoke(product, tenant, first)
    await asyncio.to_thread(operator.write_key, path, tenant)
    assert path.read_text().strip() != first
    assert product.stack.api_key_file.read_text().strip() == product.stack.api_key("acme")


async def test_wrong_bootstrap_secret_creates_no_key(product: Product) -> None:
    other = Operator(product.stack.urls, "x" * 43)
    with pytest.raises(ApiKeyNotCreated, match="tenant-of-other: HTTP 401") as refused:
        await asyncio.to_thread(other.create_key, "tenant-of-other")
    assert "x" * 43 not in str(refused.value)
