"""An account is connected, disconnected and connected again, through real processes and the sandbox."""

from typing import Any

import httpx
import pytest

from harness.product import Account, Clip, Product
from harness.topic_tail import Event, TopicTail
from harness.waiting import eventually
from stack.demo import browser
from stack.demo.errors import ConsentFailed

EVENT_WITHIN = 60.0
CLIENT_KEY = "sbawtenantsown000"
SECRET = "planted-secret-of-a-tenants-own-app"


async def shown(product: Product, account: Account) -> dict[str, Any]:
    answer = await product.call("auth", f"/v1/accounts/{account.account_id}", await product.key_of(account.tenant))
    return {"status_code": answer.status_code, **answer.json()}


def events_about(product: Product, account: Account, topic: str, field: str = "account_id") -> TopicTail:
    def about(event: Event) -> bool:
        return bool(event.body[field] == account.account_id)

    return TopicTail(product.stack.bootstrap_servers, topic, about)


async def test_disconnected_account_can_be_connected_again(product: Product, short_clip: Clip) -> None:
    account = await product.connect("quitter")
    before = await shown(product, account)
    assert (before["status"], before["display_name"], before["username"]) == ("connected", "quitter", "")
    assert before["avatar_url"].startswith("https://")
    key = await product.key_of(account.tenant)
    answer = await product.call("auth", f"/v1/accounts/{account.account_id}", key, method="DELETE")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert (await shown(product, account))["status_code"] == 404
    assert [call["status"] for call in await product.tiktok.calls_of(account.open_id, "revoke")] == [200]

    async def refused() -> bool:
        request = {**product.request(account, short_clip), "tenant": None}
        body = {name: value for name, value in request.items() if value is not None}
        posted = await product.call("publisher", "/v1/posts", key, method="POST", json=body)
        return posted.status_code == httpx.codes.NOT_FOUND

    await eventually(refused, what="the publisher to refuse the account", within=EVENT_WITHIN)
    again = await product.connect("quitter")
    assert again.account_id == account.account_id
    after = await shown(product, again)
    assert after["version"] == before["version"] + 2, "versions never restart: one is the withdrawal's"
    async with events_about(product, account, "account.events") as events:
        await events.to_the_end(within=EVENT_WITHIN)
    assert [event.type for event in events.seen] == [
        "account.connected",
        "account.disconnected",
        "account.connected",
    ]
    assert events.seen[1].body["revoked"] is True


async def test_grant_removed_at_tiktok_disconnects_the_account(product: Product) -> None:
    account = await product.connect("remover")
    await product.tiktok.disconnect(account.open_id)
    async with events_about(product, account, "account.events") as events:
        gone = await events.until_type("account.disconnected", within=EVENT_WITHIN)
    assert (gone.body["cause"], gone.body["tenant"]) == ("removed_at_tiktok", account.tenant)
    async with events_about(product, account, "audit.events", field="about") as notes:
        await notes.until(lambda: len(notes.seen) > 1, what="two notes", within=EVENT_WITHIN)
    assert [(note.body["action"], note.body["by"]) for note in notes.seen] == [
        ("account.connected", notes.seen[0].body["by"]),
        ("account.disconnected", "tiktok"),
    ]
    assert notes.seen[0].body["by"].startswith("key:")


async def test_account_of_another_tenant_is_refused_with_the_reason(product: Product) -> None:
    account = await product.connect("coveted")
    key = (await product.key_of("tenant-of-envier"))["Authorization"].removeprefix("Bearer ")
    with pytest.raises(ConsentFailed, match="This account is connected elsewhere"):
        await browser.connect(product.web, product.stack.urls["auth"], key=key, creator="coveted")
    assert (await shown(product, account))["status"] == "connected"


async def test_tenant_connects_accounts_through_its_own_app(product: Product) -> None:
    tenant = "tenant-of-owner"
    await product.key_of(tenant)
    callback = f"{product.stack.urls['auth']}/v1/oauth/callback"
    await product.tiktok.add_app(CLIENT_KEY, secret=SECRET, redirect_uri=callback)
    wanted = {"client_key": CLIENT_KEY, "client_secret": SECRET, "pkce": "hex"}
    put = (await product.administer("PUT", f"/{tenant}/app", wanted)).raise_for_status()
    assert put.json()["app"] == {"client_key": CLIENT_KEY, "pkce": "hex"}
    account = await product.connect("owner")
    assert {call["client_key"] for call in await product.tiktok.calls_of(account.open_id)} == {CLIENT_KEY}
    removed = await product.administer("DELETE", f"/{tenant}/app")
    assert (removed.status_code, removed.json()["code"]) == (409, "app_in_use")
    key = await product.key_of(tenant)
    answer = await product.call("auth", f"/v1/accounts/{account.account_id}", key, method="DELETE")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    (await product.administer("DELETE", f"/{tenant}/app")).raise_for_status()
