"""Steps with accounts: connect them in every way that works or fails, refresh them, disconnect them."""

from datetime import UTC, datetime, timedelta

import httpx

from auth_service.oauth.oauth_state import PendingConsent, seal_state
from e2e.canaries.canary_run import CALLBACK, CanaryRun
from harness.product import Account
from harness.topic_tail import Event, TopicTail
from harness.waiting import eventually
from stack.demo.browser import parse_page

TENANT = "tenant-of-canaries"
EVENT_WITHIN = 60.0
ACCESS_SECONDS = 10


async def connected(run: CanaryRun) -> None:
    """A creator connects, and connects again."""
    for _ in range(2):
        await connect(run, "canary")


async def connect(run: CanaryRun, creator: str) -> Account:
    """Connect a creator; return the account once it is connected."""
    back = await run.decide(await run.to_tiktok(TENANT), creator, decision="allow")
    assert parse_page(back.text).headline.startswith("Connected"), back.text
    header = await run.key_of(TENANT)

    async def found() -> list[Account]:
        answer = await run.product.call("auth", "/v1/accounts", header)
        return [
            Account(tenant=TENANT, account_id=account["account_id"], open_id=account["open_id"])
            for account in answer.raise_for_status().json()["accounts"]
            if (account["display_name"], account["status"]) == (creator, "connected")
        ]

    return (await eventually(found, what=f"{creator} to be connected", within=EVENT_WITHIN))[0]


async def declined(run: CanaryRun) -> None:
    """A creator declines."""
    back = await run.decide(await run.to_tiktok(TENANT), "decliner", decision="cancel")
    assert not parse_page(back.text).headline.startswith("Connected"), back.text


async def replayed(run: CanaryRun) -> None:
    """The callback's address is opened again: in another browser, and in the same one."""
    first = run.returns[0]
    elsewhere = await run.web.get(first.url)
    again = await run.web.get(first.url, headers={"Cookie": first.cookies})
    for back in (elsewhere, again):
        assert back.status_code >= httpx.codes.BAD_REQUEST, back.text


async def expired(run: CanaryRun) -> None:
    """A consent takes too long."""
    pending = PendingConsent(
        tenant=TENANT,
        flow="0123456789abcdef",
        nonce_hash="",
        verifier=run.plant("code_verifier"),
        expires_at=datetime.now(UTC) - timedelta(seconds=1),
    )
    state = run.note("state", seal_state(run.vault, pending))
    query = {"state": state, "code": run.plant("authorization_code")}
    back = await run.product.call("auth", CALLBACK, {}, params=query)
    assert back.status_code >= httpx.codes.BAD_REQUEST, back.text


async def wrong_code(run: CanaryRun) -> None:
    """A browser brings a code that TikTok does not know."""
    shown = await run.to_tiktok(TENANT)
    state = dict(parse_page(shown.text).fields)["state"]
    query = {"state": state, "code": run.plant("authorization_code"), "scopes": "user.info.basic"}
    back = await run.product.call("auth", CALLBACK, {}, params=query)
    assert back.status_code >= httpx.codes.BAD_REQUEST, back.text


async def refreshed(run: CanaryRun) -> None:
    """Three refreshes: one is refused, one loses its answer, one meets a server error first."""
    await run.tiktok.change({"lifetimes": {"access_token": ACCESS_SECONDS}})
    accounts = [await connect(run, creator) for creator in ("refused", "unlucky", "delayed")]
    refused, unlucky, delayed = accounts
    await run.tiktok.rule("error", "token", open_id=refused.open_id, code="invalid_grant")
    await run.tiktok.rule("lose_answer", "token", open_id=unlucky.open_id, at="answer")
    await run.tiktok.rule("status", "token", open_id=delayed.open_id, status=502)
    for account in (refused, unlucky):
        await _wait_for_event(run, account, "account.reauthorization_required")
    header = await run.key_of(TENANT)

    async def renewed() -> bool:
        answer = await run.product.call("auth", f"/v1/accounts/{delayed.account_id}", header)
        return bool(answer.json()["version"] > 1)

    await eventually(renewed, what="a refresh after an error", within=EVENT_WITHIN)
    await run.tiktok.change({"lifetimes": {}})


async def disconnected(run: CanaryRun) -> None:
    """A tenant disconnects an account; a creator removes a grant at TikTok."""
    quitter, remover = await connect(run, "quitter"), await connect(run, "remover")
    header = await run.key_of(TENANT)
    answer = await run.product.call("auth", f"/v1/accounts/{quitter.account_id}", header, method="DELETE")
    assert answer.is_success, answer.text
    await run.tiktok.disconnect(remover.open_id)
    await _wait_for_event(run, remover, "account.disconnected")


async def own_app(run: CanaryRun) -> None:
    """A tenant sets an app of its own, which TikTok does not know, and removes it."""
    tenant = "tenant-with-an-app"
    await run.key_of(tenant)
    app = {"client_key": "sbawunknownapp000", "client_secret": run.plant("client_secret"), "pkce": "none"}
    (await run.product.administer("PUT", f"/{tenant}/app", app)).raise_for_status()
    shown = await run.to_tiktok(tenant)
    assert shown.url.host == httpx.URL(run.stack.sandbox_url).host
    (await run.product.administer("DELETE", f"/{tenant}/app")).raise_for_status()


async def key_revoked(run: CanaryRun) -> None:
    """An API key is made, used everywhere and revoked."""
    wanted = {"name": "canary", "scopes": ["posts:write", "analytics:read", "accounts:manage"]}
    made = (await run.product.administer("POST", f"/{TENANT}/keys", wanted)).raise_for_status().json()
    run.note("API key", made["key"], f"answer of auth to POST /v1/admin/tenants/{TENANT}/keys")
    header = {"Authorization": f"Bearer {made['key']}"}
    for service, path in (("auth", "/v1/accounts"), ("publisher", "/v1/posts"), ("analytics", "/v1/posts/none")):
        await run.product.call(service, path, header)
    (await run.product.administer("DELETE", f"/{TENANT}/keys/{made['key_id']}")).raise_for_status()
    await run.product.call("auth", "/v1/accounts", header)


async def _wait_for_event(run: CanaryRun, account: Account, event_type: str) -> None:
    def about(event: Event) -> bool:
        return bool(event.body["account_id"] == account.account_id)

    async with TopicTail(run.stack.bootstrap_servers, "account.events", about) as events:
        await events.until_type(event_type, within=EVENT_WITHIN)
