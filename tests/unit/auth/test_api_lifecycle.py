"""An account's life as its tenant and its person see it: over the edge, against the sandbox."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from common.contract.account import AccountDisconnected, AccountReauthorizationRequired, CredentialIssued
from harness.auth_api import AuthApi, result_of
from tiktok_sandbox.app_context import AppContext

HOUR = timedelta(hours=1)


class Switch(httpx.AsyncBaseTransport):
    """TikTok, which may be away."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.away = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            message = "connection refused"
            raise httpx.ConnectError(message, request=request)
        return await self._inner.handle_async_request(request)


@pytest.fixture
async def tiktok(auth_api: AuthApi) -> AsyncIterator[Switch]:
    inner = auth_api.sandbox._transport
    auth_api.sandbox._transport = switch = Switch(inner)
    yield switch
    auth_api.sandbox._transport = inner


async def status(auth_api: AuthApi, account_id: str) -> tuple[str, str | None, int | None]:
    answer = (await auth_api.backend.get(f"/v1/accounts/{account_id}")).json()
    return answer["status"], answer["risk"], answer["version"]


async def forgotten_by_tiktok(auth_api: AuthApi, shell: AppContext) -> None:
    open_id = shell.tables.creators.get_or_create("demo").open_id
    answer = await auth_api.sandbox.post(f"/_sandbox/creators/{open_id}/disconnect", json={})
    assert answer.status_code == 200


async def pass_time(auth_api: AuthApi, account_id: str, step: timedelta) -> None:
    auth_api.now += step
    await auth_api.worker.on_due(account_id)


async def test_what_a_tenant_sees_of_a_grant_that_ended_at_tiktok(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    await forgotten_by_tiktok(auth_api, shell)
    assert await status(auth_api, account_id) == ("connected", None, 1)
    await pass_time(auth_api, account_id, 1.6 * HOUR)
    assert await status(auth_api, account_id) == ("connected", "refresh_refused", 1)
    await pass_time(auth_api, account_id, 0.4 * HOUR)
    assert await status(auth_api, account_id) == ("reauthorization_required", None, 2)
    (required,) = (event for event in auth_api.worker.published if isinstance(event, AccountReauthorizationRequired))
    assert (required.tenant, required.code) == ("acme", "invalid_grant")
    auth_api.now += HOUR
    assert await auth_api.connect() == account_id
    assert await status(auth_api, account_id) == ("connected", None, 3)


async def test_an_account_that_needs_its_person_can_be_disconnected(auth_api: AuthApi, shell: AppContext) -> None:
    account_id = await auth_api.connect()
    await forgotten_by_tiktok(auth_api, shell)
    for _ in range(2):
        await pass_time(auth_api, account_id, 1.6 * HOUR)
    assert (await status(auth_api, account_id))[0] == "reauthorization_required"
    answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert (await auth_api.backend.get(f"/v1/accounts/{account_id}")).status_code == 404


async def test_an_outage_of_tiktok_costs_no_account(auth_api: AuthApi, tiktok: Switch) -> None:
    account_id = await auth_api.connect()
    tiktok.away = True
    for _ in range(30):
        await pass_time(auth_api, account_id, HOUR)
    assert await status(auth_api, account_id) == ("access_expired", "refresh_failing", 1)
    tiktok.away = False
    await pass_time(auth_api, account_id, HOUR)
    assert await status(auth_api, account_id) == ("connected", None, 2)
    assert not [event for event in auth_api.worker.published if isinstance(event, AccountReauthorizationRequired)]


async def test_person_reconnects_while_the_revocation_is_pending(auth_api: AuthApi, tiktok: Switch) -> None:
    account_id = await auth_api.connect()
    tiktok.away = True
    assert (await auth_api.backend.delete(f"/v1/accounts/{account_id}")).status_code == 202
    assert (await status(auth_api, account_id))[0] == "disconnecting"
    tiktok.away = False
    auth_api.now += HOUR
    assert await auth_api.connect() == account_id
    assert await status(auth_api, account_id) == ("connected", None, 3)
    for _ in range(5):
        await pass_time(auth_api, account_id, HOUR)
    assert (await status(auth_api, account_id))[0] == "connected"
    assert not [event for event in auth_api.worker.published if isinstance(event, AccountDisconnected)]


async def test_other_tenant_is_refused_until_account_is_disconnected(auth_api: AuthApi, tiktok: Switch) -> None:
    account_id = await auth_api.connect()
    tiktok.away = True
    await auth_api.backend.delete(f"/v1/accounts/{account_id}")
    tiktok.away = False
    acme, auth_api.backend = auth_api.backend, auth_api.backend_of("globex")
    page = await auth_api.browser.get(await auth_api.consent(await auth_api.open_consent_page()))
    assert (page.status_code, result_of(page)) == (409, "other_tenant")
    await pass_time(auth_api, account_id, timedelta(seconds=2))
    assert (await acme.get(f"/v1/accounts/{account_id}")).status_code == 404
    auth_api.now += HOUR
    assert await auth_api.connect() == account_id
    assert (await acme.get(f"/v1/accounts/{account_id}")).status_code == 404
    issued = auth_api.credentials.bodies[account_id]
    assert isinstance(issued, CredentialIssued)
    assert issued.version == 3


async def test_disconnecting_twice_at_once_is_one_end(auth_api: AuthApi, tiktok: Switch) -> None:
    account_id = await auth_api.connect()
    tiktok.away = True
    for _ in range(2):
        answer = await auth_api.backend.delete(f"/v1/accounts/{account_id}")
        assert (answer.status_code, answer.json()["status"]) == (202, "disconnecting")
    tiktok.away = False
    await pass_time(auth_api, account_id, timedelta(seconds=2))
    assert len([event for event in auth_api.worker.published if isinstance(event, AccountDisconnected)]) == 1
