"""What a backend asks of auth's edge."""

from datetime import timedelta

import pytest

from auth_service.wiring import check_same_host
from common.errors import SettingsRefused
from common.events.account import (
    AccountDescribed,
    CredentialIssued,
    CredentialWithdrawn,
)
from unit.auth.scene import AUTH, Scene


@pytest.mark.parametrize("request_", [{}, {"tenant": ""}, {"tenant": "a b"}, {"tenant": "acme", "scopes": []}])
async def test_a_bad_request_to_connect_is_a_problem(scene: Scene, request_: dict[str, object]) -> None:
    answer = await scene.browser.post("/v1/accounts/connect", json=request_)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_backend_can_wait_for_its_account(scene: Scene) -> None:
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")
    described = AccountDescribed(account_id="acc_1", tenant="acme", open_id="-000open", display_name="Demo")
    scene.accounts.bodies["acc_1"] = described
    assert (await scene.browser.get("/v1/accounts/acc_1")).json()["status"] == "connecting"
    ends = scene.now + timedelta(hours=2)
    scene.credentials.bodies["acc_1"] = CredentialIssued(
        account_id="acc_1", version=4, scopes=("video.publish",), expires_at=ends, sealed={"uploader": "h1.secret"}
    )
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert answer.json() == {
        "account_id": "acc_1",
        "tenant": "acme",
        "open_id": "-000open",
        "display_name": "Demo",
        "status": "connected",
        "scopes": ["video.publish"],
        "version": 4,
        "access_expires_at": ends.isoformat().replace("+00:00", "Z"),
        "reason": None,
    }
    scene.now = ends
    assert (await scene.browser.get("/v1/accounts/acc_1")).json()["status"] == "access_expired"
    scene.credentials.bodies["acc_1"] = CredentialWithdrawn(account_id="acc_1", version=5, reason="invalid_grant")
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert (answer.json()["status"], answer.json()["reason"]) == ("reauthorization_required", "invalid_grant")


async def test_a_tenant_sees_its_own_accounts_alone(scene: Scene) -> None:
    for account_id, tenant in (("acc_2", "acme"), ("acc_1", "acme"), ("acc_3", "globex")):
        scene.accounts.bodies[account_id] = AccountDescribed(account_id=account_id, tenant=tenant, open_id="-000")
    answer = await scene.browser.get("/v1/accounts", params={"tenant": "acme"})
    assert [account["account_id"] for account in answer.json()["accounts"]] == ["acc_1", "acc_2"]


async def test_views_that_are_not_read_yet_answer_nothing(scene: Scene) -> None:
    scene.credentials.ready = False
    for path in ("/v1/accounts/acc_1", "/v1/accounts?tenant=acme"):
        assert (await scene.browser.get(path)).status_code == 503


def test_a_cookie_that_could_not_come_back_is_refused_at_the_start() -> None:
    check_same_host(public_url=AUTH, redirect_uri="http://127.0.0.1:9999/v1/oauth/callback")
    with pytest.raises(SettingsRefused, match="TIKTOK_REDIRECT_URI"):
        check_same_host(public_url=AUTH, redirect_uri="http://localhost:8101/v1/oauth/callback")
