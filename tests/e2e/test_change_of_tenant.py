"""An account moves to another tenant, and both use the same post id: neither sees the other's post."""

from typing import Any

import httpx

from harness.product import AGES, NUMBERS_WITHIN, Account, Clip, Product, Request, without_volatile
from harness.waiting import eventually

TAKEN_WITHIN = 60.0


async def seen_by(product: Product, tenant: str, request: Request) -> list[Any]:
    """What the read API answers to a tenant about this post id, without the fields that change with time."""
    paths = (f"/v1/posts/{request['post_id']}", f"/v1/posts/{request['post_id']}/metrics")
    key = await product.key_of(tenant)
    return [without_volatile((await product.call("analytics", path, key)).json()) for path in paths]


async def ask_over_http(product: Product, request: Request) -> None:
    body = {name: value for name, value in request.items() if name != "tenant"}
    key = await product.key_of(request["tenant"])

    async def taken() -> bool:
        answer = await product.call("publisher", "/v1/posts", key, method="POST", json=body)
        return answer.status_code == httpx.codes.ACCEPTED

    await eventually(taken, what="the publisher to accept the account", within=TAKEN_WITHIN)


async def disconnect(product: Product, account: Account) -> None:
    key = await product.key_of(account.tenant)
    answer = await product.call("auth", f"/v1/accounts/{account.account_id}", key, method="DELETE")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")


async def test_post_id_of_the_former_tenant_is_free_for_the_next(product: Product, short_clip: Clip) -> None:
    account = await product.connect("mover")
    first = product.request(account, short_clip)
    await ask_over_http(product, first)
    async with product.events_of(first) as events:
        await product.expect_published_once(first, short_clip, events)

    async def all_numbers() -> bool:
        return len((await seen_by(product, account.tenant, first))[1]["metrics"]) == AGES

    await eventually(all_numbers, what="all numbers of the first post", within=NUMBERS_WITHIN)
    before = await seen_by(product, account.tenant, first)
    await disconnect(product, account)
    assert await seen_by(product, account.tenant, first) == before, "a tenant keeps its posts"

    moved = await product.connect("mover", tenant="tenant-after-mover")
    assert moved.account_id == account.account_id
    second = {**first, "tenant": moved.tenant, "caption": f"another {first['caption']}"}
    assert {answer["code"] for answer in await seen_by(product, moved.tenant, second)} == {"unknown_post"}
    await ask_over_http(product, second)
    async with product.events_of(second) as events:
        await product.expect_published_once(second, short_clip, events)
    assert await seen_by(product, account.tenant, first) == before
    async with product.events_of(first) as events:
        await product.expect_published_once(first, short_clip, events)
