"""What a backend asks of auth's edge."""

from datetime import timedelta

import httpx
import pytest

from common.contract.account import (
    AccountDescribed,
    AccountDisconnected,
    AccountForgotten,
    CredentialIssued,
    CredentialWithdrawn,
    Risk,
)
from common.contract.audit import Action, AuditRecorded
from common.contract.tenant import Scope
from harness.auth_api import AuthApi
from tiktok_sandbox.app_context import AppContext


@pytest.mark.parametrize("request_", [{"tenant": "acme"}, {"scopes": []}, {"scopes": ["a b"]}, {"return_to": 1}])
async def test_a_bad_request_to_connect_is_a_problem(auth_api: AuthApi, request_: dict[str, object]) -> None:
    answer = await auth_api.backend.post("/v1/accounts/connect", json=request_)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_backend_can_wait_for_its_account(auth_api: AuthApi) -> None:
    answer = await auth_api.backend.get("/v1/accounts/acc_1")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")
    auth_api.accounts.bodies["acc_1"] = AccountDescribed(
        account_id="acc_1",
        tenant="acme",
        open_id="-000open",
        display_name="Demo",
        username="demo",
        avatar_url="https://p16.example/a.jpeg",
        consented_at=auth_api.now,
        risk=Risk.REFRESH_FAILING,
    )
    assert (await auth_api.backend.get("/v1/accounts/acc_1")).json()["status"] == "connecting"
    ends = auth_api.now + timedelta(hours=2)
    auth_api.credentials.bodies["acc_1"] = CredentialIssued(
        account_id="acc_1", version=4, scopes=("video.publish",), expires_at=ends, sealed={"uploader": "h1.secret"}
    )
    answer = await auth_api.backend.get("/v1/accounts/acc_1")
    assert answer.json() == {
        "account_id": "acc_1",
        "tenant": "acme",
        "open_id": "-000open",
        "display_name": "Demo",
        "username": "demo",
        "avatar_url": "https://p16.example/a.jpeg",
        "status": "connected",
        "risk": "refresh_failing",
        "scopes": ["video.publish"],
        "connected_at": auth_api.now.isoformat().replace("+00:00", "Z"),
        "version": 4,
        "access_expires_at": ends.isoformat().replace("+00:00", "Z"),
        "reason": None,
    }
    auth_api.now = ends
    assert (await auth_api.backend.get("/v1/accounts/acc_1")).json()["status"] == "access_expired"
    auth_api.credentials.bodies["acc_1"] = CredentialWithdrawn(account_id="acc_1", version=5, reason="invalid_grant")
    answer = (await auth_api.backend.get("/v1/accounts/acc_1")).json()
    assert (answer["status"], answer["reason"], answer["risk"]) == ("reauthorization_required", "invalid_grant", None)


async def test_a_tenant_sees_its_own_accounts_alone_page_by_page(auth_api: AuthApi) -> None:
    for account_id, tenant in (("acc_2", "acme"), ("acc_1", "acme"), ("acc_3", "globex"), ("acc_4", "acme")):
        auth_api.accounts.bodies[account_id] = AccountDescribed(account_id=account_id, tenant=tenant, open_id="-000")
    first = (await auth_api.backend.get("/v1/accounts", params={"limit": 2})).json()
    assert [account["account_id"] for account in first["accounts"]] == ["acc_1", "acc_2"]
    rest = (await auth_api.backend.get("/v1/accounts", params={"limit": 2, "after": first["next"]})).json()
    assert ([account["account_id"] for account in rest["accounts"]], rest["next"]) == (["acc_4"], None)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", "")])
async def test_another_tenants_account_is_none(auth_api: AuthApi, method: str, path: str) -> None:
    account_id = await auth_api.connect()
    globex = auth_api.backend_of("globex")
    answer = await globex.request(method, f"/v1/accounts/{account_id}{path}")
    unknown = await globex.request(method, f"/v1/accounts/acc_none{path}")
    assert answer.status_code == unknown.status_code == 404
    assert answer.text.replace(account_id, "acc_none") == unknown.text
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).json()["status"] == "connected"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/connect"), ("GET", ""), ("GET", "/acc_1"), ("DELETE", "/acc_1")],
)
async def test_every_route_wants_a_key_with_the_scope(auth_api: AuthApi, method: str, path: str) -> None:
    url = f"/v1/accounts{path}"
    assert (await auth_api.browser.request(method, url)).status_code == 401
    reader = auth_api.backend_of("acme", Scope.ANALYTICS_READ)
    answer = await reader.request(method, url)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_views_that_are_not_read_yet_answer_nothing(auth_api: AuthApi) -> None:
    auth_api.credentials.ready = False
    for path in ("/v1/accounts/acc_1", "/v1/accounts"):
        assert (await auth_api.backend.get(path)).status_code == 503


async def test_disconnecting_revokes_at_tiktok_and_forgets(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert auth_api.accounts.bodies[account_id] == AccountForgotten(account_id=account_id)
    withdrawn = auth_api.credentials.bodies[account_id]
    assert isinstance(withdrawn, CredentialWithdrawn)
    assert (withdrawn.version, withdrawn.reason) == (2, "disconnected")
    (gone,) = (event for event in auth_api.worker.published if isinstance(event, AccountDisconnected))
    assert (gone.tenant, gone.cause, gone.revoked) == ("acme", "requested", True)
    assert not [*shell.tables.grants.access.items(), *shell.tables.grants.refresh.items()], (
        "TikTok knows no token any more"
    )
    again = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert again.status_code == 404
    left = str(auth_api.worker.states.values())
    assert "demo" not in left
    assert "v1.one" not in left, "no token is kept"


async def test_who_did_what_is_noted(auth_api: AuthApi) -> None:
    account_id = await auth_api.connect()
    await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    notes = [event for event in auth_api.worker.published if isinstance(event, AuditRecorded)]
    (key_id,) = auth_api.keys.bodies
    assert [(note.action, note.tenant, note.target, note.by) for note in notes] == [
        (Action.ACCOUNT_CONNECTED, "acme", account_id, f"key:{key_id}"),
        (Action.ACCOUNT_DISCONNECTED, "acme", account_id, f"key:{key_id}"),
    ]


async def test_disconnect_while_tiktok_is_down_answers_disconnecting(auth_api: AuthApi) -> None:
    account_id = await auth_api.connect()

    class Away(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            message = "connection refused"
            raise httpx.ConnectError(message, request=request)

    auth_api.sandbox._transport = Away()
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (202, "disconnecting")
    assert isinstance(auth_api.credentials.bodies[account_id], CredentialWithdrawn)
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).json()["status"] == "disconnecting"


async def test_other_tenant_connects_after_a_disconnect(auth_api: AuthApi) -> None:
    account_id = await auth_api.connect()
    await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    auth_api.now += timedelta(minutes=1)
    auth_api.backend = auth_api.backend_of("globex")
    assert await auth_api.connect() == account_id
    issued = auth_api.credentials.bodies[account_id]
    assert isinstance(issued, CredentialIssued)
    assert issued.version == 3


async def test_kafka_in_doubt_is_a_problem(auth_api: AuthApi) -> None:
    account_id = await auth_api.connect()
    auth_api.worker.log_available = False
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_durable")
