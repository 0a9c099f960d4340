"""A tenant brings its own TikTok app: connect, refresh, look and revoke all go through it, against the sandbox."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from auth_service import states
from builders.admin_requests import ADMIN
from common.contract.account import AccountDescribed, AccountForgotten, CredentialIssued, Risk, account_id_of
from common.contract.tenant import TenantDescribed
from common.streams import StateKey
from harness.auth_api import AuthApi, result_of
from tiktok_sandbox.app_context import AppContext

OWN = "aw-acmes-own"
SECRET = "secret-of-acmes-own-app"


@pytest.fixture
async def own(auth_api: AuthApi) -> AsyncIterator[AuthApi]:
    """A auth_api in which `acme` has its own app."""
    await register(auth_api, SECRET)
    await give(auth_api, "acme", SECRET)
    yield auth_api
    await auth_api.operator.aclose()


async def register(auth_api: AuthApi, secret: str) -> None:
    """Let TikTok know the app, or another secret of it."""
    answer = await auth_api.sandbox.post("/_sandbox/apps", json={"client_key": OWN, "client_secret": secret})
    assert answer.status_code == 201, answer.text


async def give(auth_api: AuthApi, tenant: str, secret: str) -> None:
    """Let a tenant use the app with this secret from now on."""
    answer = await auth_api.operator.put(f"{ADMIN}/{tenant}", json={"name": tenant})
    assert answer.status_code == 200, answer.text
    wanted = {"client_key": OWN, "client_secret": secret, "pkce": "hex"}
    answer = await auth_api.operator.put(f"{ADMIN}/{tenant}/app", json=wanted)
    assert answer.status_code == 200, answer.text


async def asked(auth_api: AuthApi, endpoint: str) -> Sequence[str]:
    """Which apps called an endpoint of TikTok's, in their order."""
    calls = (await auth_api.sandbox.get("/_sandbox/calls", params={"endpoint": endpoint})).json()["calls"]
    return [call["client_key"] for call in calls]


def version(auth_api: AuthApi, account_id: str) -> int:
    issued = auth_api.credentials.bodies[account_id]
    assert isinstance(issued, CredentialIssued)
    return issued.version


async def test_people_consent_to_the_tenants_app(own: AuthApi, shell: AppContext) -> None:
    page = await own.open_consent_page()
    assert parse_qs(urlsplit(page).query)["client_key"] == [OWN]
    answer = await own.browser.get(await own.consent(page))
    assert result_of(answer) == "connected"
    (command,) = own.worker.connects
    assert command.account_id == account_id_of(OWN, command.open_id)
    assert command.client_key == OWN
    assert command.display_name == "demo"
    described = own.accounts.bodies[command.account_id]
    assert isinstance(described, AccountDescribed)
    assert described.client_key == OWN
    assert set(await asked(own, "token")) == {OWN}
    assert SECRET not in f"{own.worker.published} {own.worker.written} {own.worker.states} {answer.text}"


async def test_tokens_are_refreshed_and_revoked_through_it(own: AuthApi, shell: AppContext) -> None:
    account_id = await own.connect()
    for round_ in (2, 3, 4):
        own.now += timedelta(hours=1.6)
        await own.worker.on_due(account_id)
        assert version(own, account_id) == round_
    assert (await own.backend.get(f"/v1/accounts/{account_id}")).json()["status"] == "connected"
    answer = await own.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert await asked(own, "token") == [OWN] * 4
    assert await asked(own, "revoke") == [OWN]
    assert not [*shell.tables.grants.access.items(), *shell.tables.grants.refresh.items()]
    assert own.accounts.bodies[account_id] == AccountForgotten(account_id=account_id)


async def test_a_look_goes_through_it(own: AuthApi) -> None:
    account_id = await own.connect()
    before = len(await asked(own, "user_info"))
    own.now += timedelta(days=1)
    await own.worker.on_due(account_id)
    assert version(own, account_id) == 2
    looks = await asked(own, "user_info")
    assert len(looks) == before + 1
    assert set(looks) == {OWN}


async def test_one_person_in_two_apps_is_two_accounts(own: AuthApi) -> None:
    first = await own.connect()
    own.backend = own.backend_of("globex")
    second = await own.connect()
    assert first != second
    described = own.accounts.bodies[second]
    assert isinstance(described, AccountDescribed)
    assert (described.tenant, described.client_key) == ("globex", None)
    assert await asked(own, "token") == [OWN, own.client_key]
    assert (await own.backend.get(f"/v1/accounts/{first}")).status_code == 404
    assert (await own.backend.delete(f"/v1/accounts/{second}")).status_code == 200
    assert version(own, first) == 1, "the other goes on"


async def test_app_of_two_tenants_has_one_account_per_person(own: AuthApi) -> None:
    account_id = await own.connect()
    await give(own, "globex", SECRET)
    own.backend = own.backend_of("globex")
    page = await own.browser.get(await own.consent(await own.open_consent_page()))
    assert (page.status_code, result_of(page)) == (409, "other_tenant")
    described = own.accounts.bodies[account_id]
    assert isinstance(described, AccountDescribed)
    assert described.tenant == "acme"


async def test_a_new_secret_is_used_from_the_next_call_on(own: AuthApi) -> None:
    account_id = await own.connect()
    await register(own, "the-new-secret")
    own.now += timedelta(hours=1.6)
    await own.worker.on_due(account_id)
    waiting = own.worker.states[StateKey(account_id)]
    assert isinstance(waiting, states.RefreshBackoff), "the old secret is refused, and that is no fault of the account"
    assert waiting.retry_at - own.now >= timedelta(minutes=2.5)
    await give(own, "acme", "the-new-secret")
    own.now = waiting.retry_at
    await own.worker.on_due(account_id)
    assert version(own, account_id) == 2


async def test_wrong_app_secret_warns_and_keeps_the_account(own: AuthApi) -> None:
    account_id = await own.connect()
    await register(own, "the-new-secret")
    for _ in range(20):
        own.now += timedelta(hours=1)
        await own.worker.on_due(account_id)
    answer = (await own.backend.get(f"/v1/accounts/{account_id}")).json()
    assert (answer["status"], answer["risk"]) == ("access_expired", Risk.REFRESH_FAILING)
    await register(own, SECRET)
    own.now += timedelta(hours=1)
    await own.worker.on_due(account_id)
    answer = (await own.backend.get(f"/v1/accounts/{account_id}")).json()
    assert (answer["status"], answer["risk"]) == ("connected", None)


async def test_wrong_client_key_shows_wrong_setup(own: AuthApi) -> None:
    await register(own, "the-new-secret")
    page = await own.browser.get(await own.consent(await own.open_consent_page()))
    assert (page.status_code, result_of(page)) == (502, "wrong_client_key")
    assert own.worker.connects == []
    assert SECRET not in page.text


async def test_an_app_that_was_changed_meanwhile_is_not_connected_to(own: AuthApi) -> None:
    back = await own.consent(await own.open_consent_page())
    assert (await own.operator.delete(f"{ADMIN}/acme/app")).status_code == 200
    page = await own.browser.get(back)
    assert (page.status_code, result_of(page)) == (409, "app_changed")
    assert own.worker.connects == []
    assert await asked(own, "token") == [], "the code is not spent on the wrong app"


async def test_unreadable_app_secret_stops_before_the_consent(own: AuthApi) -> None:
    described = own.tenants.bodies["acme"]
    assert isinstance(described, TenantDescribed)
    own.tenants.bodies["globex"] = msgspec.structs.replace(described, tenant="globex")
    own.backend = own.backend_of("globex")
    page = await own.browser.get(await own.connect_link())
    assert (page.status_code, result_of(page)) == (409, "app_changed")


async def test_an_app_in_use_stays_until_its_last_account_is_gone(own: AuthApi) -> None:
    account_id = await own.connect()
    assert (await own.operator.delete(f"{ADMIN}/acme/app")).json()["code"] == "app_in_use"
    assert (await own.backend.delete(f"/v1/accounts/{account_id}")).status_code == 200
    assert (await own.operator.delete(f"{ADMIN}/acme/app")).status_code == 200


async def test_accounts_of_both_apps_are_refreshed_side_by_side(auth_api: AuthApi) -> None:
    account_id = await auth_api.connect()
    await register(auth_api, SECRET)
    await give(auth_api, "acme", SECRET)
    auth_api.now += timedelta(hours=1.6)
    await auth_api.worker.on_due(account_id)
    assert isinstance(auth_api.worker.states[StateKey(account_id)], states.Connected)
    assert await asked(auth_api, "token") == [auth_api.client_key] * 2
    assert (await auth_api.backend.delete(f"/v1/accounts/{account_id}")).json()["status"] == "disconnected"
    assert await asked(auth_api, "revoke") == [auth_api.client_key]


async def test_a_tenants_view_that_is_not_whole_puts_calls_off_shortly(own: AuthApi) -> None:
    account_id = await own.connect()
    kept = own.tenants.bodies.pop("acme")
    own.tenants.ready = False
    own.now += timedelta(hours=1.6)
    await own.worker.on_due(account_id)
    waiting = own.worker.states[StateKey(account_id)]
    assert isinstance(waiting, states.RefreshBackoff)
    assert waiting.retry_at - own.now <= timedelta(seconds=2)
    own.tenants.bodies["acme"], own.tenants.ready, own.now = kept, True, waiting.retry_at
    await own.worker.on_due(account_id)
    assert version(own, account_id) == 2
