"""What operators do over the admin API: a tenant's own TikTok app, whose secret is never shown again."""

import httpx
import pytest
import structlog

from auth_service.tenants.administration import NewApp
from builders.admin_requests import ADMIN, APP, SECRET, audit_records
from common.contract.account import AccountDescribed, AccountForgotten
from common.contract.audit import Action
from common.contract.codec import Envelope, encode
from common.contract.tenant import AppRequested
from harness.auth_api import AuthApi


async def test_an_app_is_set_changed_and_removed(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    answer = await acme.put(f"{ADMIN}/acme/app", json={**APP, "pkce": "hex"})
    assert (answer.status_code, answer.json()["app"]) == (200, {"client_key": "aw-acme", "pkce": "hex"})
    found = auth_api.apps.of_tenant("acme")
    assert found is not None
    assert found.client._app == {"client_key": "aw-acme", "client_secret": SECRET}
    other = await acme.put(f"{ADMIN}/acme/app", json={**APP, "client_key": "aw-other", "client_secret": "another"})
    assert other.json()["app"] == {"client_key": "aw-other", "pkce": "none"}
    removed = await acme.delete(f"{ADMIN}/acme/app")
    assert (removed.status_code, removed.json()["app"]) == (200, None)
    again = await acme.delete(f"{ADMIN}/acme/app")
    assert (again.status_code, again.json()["app"]) == (200, None)
    assert audit_records(auth_api.worker.published)[1:] == [
        (Action.APP_SET, "aw-acme", "operator"),
        (Action.APP_SET, "aw-other", "operator"),
        (Action.APP_REMOVED, "aw-other", "operator"),
    ]


async def test_a_tenant_that_is_changed_keeps_its_app(acme: httpx.AsyncClient) -> None:
    await acme.put(f"{ADMIN}/acme/app", json=APP)
    answer = await acme.put(f"{ADMIN}/acme", json={"name": "Acme Inc."})
    assert answer.json()["app"] == {"client_key": "aw-acme", "pkce": "none"}


async def test_an_app_in_use_stays_but_may_get_a_new_secret(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    await acme.put(f"{ADMIN}/acme/app", json=APP)
    auth_api.accounts.bodies["acc_1"] = AccountDescribed(
        account_id="acc_1", tenant="acme", open_id="-000", client_key="aw-acme", consented_at=auth_api.now
    )
    for answer in (
        await acme.delete(f"{ADMIN}/acme/app"),
        await acme.put(f"{ADMIN}/acme/app", json={**APP, "client_key": "aw-other"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "app_in_use")
    renewed = await acme.put(f"{ADMIN}/acme/app", json={**APP, "client_secret": "the-new-one"})
    assert renewed.status_code == 200
    found = auth_api.apps.of_tenant("acme")
    assert found is not None
    assert found.client._app["client_secret"] == "the-new-one"
    auth_api.accounts.bodies["acc_1"] = AccountForgotten(account_id="acc_1")
    assert (await acme.delete(f"{ADMIN}/acme/app")).status_code == 200


@pytest.mark.parametrize(
    ("tenant", "client_key"),
    [("globex", "aw-acme"), ("acme", ""), ("acme", "aw-former")],
    ids=["another tenant's account", "an account of the installation's app", "an account of another app"],
)
async def test_other_accounts_do_not_keep_an_app(
    auth_api: AuthApi, acme: httpx.AsyncClient, tenant: str, client_key: str
) -> None:
    await acme.put(f"{ADMIN}/acme/app", json=APP)
    auth_api.accounts.bodies["acc_1"] = AccountDescribed(
        account_id="acc_1", tenant=tenant, open_id="-000", client_key=client_key, consented_at=auth_api.now
    )
    assert (await acme.delete(f"{ADMIN}/acme/app")).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"client_key": ""},
        {"client_key": "a b"},
        {"client_key": "x" * 129},
        {"client_secret": ""},
        {"client_secret": SECRET + "x" * 512},
        {"client_secret": [SECRET]},
        {"client_secret": {"value": SECRET}},
        {"pkce": "base64"},
        {"clientSecret": SECRET},
        {"secrets": SECRET},
        {"client_secret ": SECRET},
    ],
)
async def test_invalid_app_is_refused_without_quoting_the_secret(
    acme: httpx.AsyncClient, change: dict[str, object]
) -> None:
    answer = await acme.put(f"{ADMIN}/acme/app", json={**APP, **change})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert SECRET not in answer.text


async def test_a_secret_that_no_text_can_be_written_of_is_a_problem(acme: httpx.AsyncClient) -> None:
    body = f'{{"client_key": "aw-acme", "client_secret": "\\ud800{SECRET}"}}'
    answer = await acme.put(f"{ADMIN}/acme/app", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert SECRET not in answer.text


@pytest.mark.parametrize("body", [f'{{"client_secret": "{SECRET}"', f'"{SECRET}"', f'["{SECRET}"]'])
async def test_a_body_of_another_shape_is_not_quoted_either(acme: httpx.AsyncClient, body: str) -> None:
    answer = await acme.put(f"{ADMIN}/acme/app", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert SECRET not in answer.text


async def test_a_secret_is_in_no_answer_record_log_or_repr(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        answers = [
            await acme.put(f"{ADMIN}/acme/app", json=APP),
            await acme.get(f"{ADMIN}/acme"),
            await acme.get(ADMIN),
            await acme.get(f"{ADMIN}/acme/keys"),
            await acme.delete(f"{ADMIN}/acme/app"),
        ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert SECRET not in "".join(answer.text for answer in answers)
    assert "sealed" not in "".join(answer.text for answer in answers)
    bodies = [*auth_api.worker.written, *auth_api.worker.published]
    assert any(isinstance(body, AppRequested) for body in bodies)
    written = b"".join(
        encode(Envelope(id="1", source="test", time=None, traceparent=None, body=body))[0] for body in bodies
    )
    assert SECRET.encode() not in written
    assert SECRET not in f"{bodies} {logs} {auth_api.worker.states}"
    assert SECRET not in repr(NewApp(client_key="aw-acme", secret=SECRET, pkce="none"))
