"""An account's life as its tenant and its person see it: over the edge, against the sandbox."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from common.contract.account import AccountDisconnected, AccountReauthorizationRequired, CredentialIssued
from harness.auth_api import Scene, result_of
from tiktok_sandbox.app_context import Shell

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
async def tiktok(scene: Scene) -> AsyncIterator[Switch]:
    inner = scene.sandbox._transport
    scene.sandbox._transport = switch = Switch(inner)
    yield switch
    scene.sandbox._transport = inner


async def status(scene: Scene, account_id: str) -> tuple[str, str | None, int | None]:
    answer = (await scene.backend.get(f"/v1/accounts/{account_id}")).json()
    return answer["status"], answer["risk"], answer["version"]


async def forgotten_by_tiktok(scene: Scene, shell: Shell) -> None:
    open_id = shell.world.creators.named("demo").open_id
    answer = await scene.sandbox.post(f"/_sandbox/creators/{open_id}/disconnect", json={})
    assert answer.status_code == 200


async def pass_time(scene: Scene, account_id: str, step: timedelta) -> None:
    scene.now += step
    await scene.worker.wake(account_id)


async def test_what_a_tenant_sees_of_a_grant_that_ended_at_tiktok(scene: Scene, shell: Shell) -> None:
    account_id = await scene.connect()
    await forgotten_by_tiktok(scene, shell)
    assert await status(scene, account_id) == ("connected", None, 1)
    await pass_time(scene, account_id, 1.6 * HOUR)
    assert await status(scene, account_id) == ("connected", "refresh_refused", 1)
    await pass_time(scene, account_id, 0.4 * HOUR)
    assert await status(scene, account_id) == ("reauthorization_required", None, 2)
    (required,) = (event for event in scene.worker.told if isinstance(event, AccountReauthorizationRequired))
    assert (required.tenant, required.code) == ("acme", "invalid_grant")
    scene.now += HOUR
    assert await scene.connect() == account_id
    assert await status(scene, account_id) == ("connected", None, 3)


async def test_an_account_that_needs_its_person_can_be_disconnected(scene: Scene, shell: Shell) -> None:
    account_id = await scene.connect()
    await forgotten_by_tiktok(scene, shell)
    for _ in range(2):
        await pass_time(scene, account_id, 1.6 * HOUR)
    assert (await status(scene, account_id))[0] == "reauthorization_required"
    answer = await scene.backend.delete(f"/v1/accounts/{account_id}")
    assert (answer.status_code, answer.json()["status"]) == (200, "disconnected")
    assert (await scene.backend.get(f"/v1/accounts/{account_id}")).status_code == 404


async def test_an_outage_of_tiktok_costs_no_account(scene: Scene, tiktok: Switch) -> None:
    account_id = await scene.connect()
    tiktok.away = True
    for _ in range(30):
        await pass_time(scene, account_id, HOUR)
    assert await status(scene, account_id) == ("access_expired", "refresh_failing", 1)
    tiktok.away = False
    await pass_time(scene, account_id, HOUR)
    assert await status(scene, account_id) == ("connected", None, 2)
    assert not [event for event in scene.worker.told if isinstance(event, AccountReauthorizationRequired)]


async def test_a_person_comes_back_while_tiktok_is_yet_to_hear_of_the_end(scene: Scene, tiktok: Switch) -> None:
    account_id = await scene.connect()
    tiktok.away = True
    assert (await scene.backend.delete(f"/v1/accounts/{account_id}")).status_code == 202
    assert (await status(scene, account_id))[0] == "disconnecting"
    tiktok.away = False
    scene.now += HOUR
    assert await scene.connect() == account_id
    assert await status(scene, account_id) == ("connected", None, 3)
    for _ in range(5):
        await pass_time(scene, account_id, HOUR)
    assert (await status(scene, account_id))[0] == "connected"
    assert not [event for event in scene.worker.told if isinstance(event, AccountDisconnected)]


async def test_another_tenant_is_kept_out_until_the_account_is_forgotten(scene: Scene, tiktok: Switch) -> None:
    account_id = await scene.connect()
    tiktok.away = True
    await scene.backend.delete(f"/v1/accounts/{account_id}")
    tiktok.away = False
    acme, scene.backend = scene.backend, scene.caller("globex")
    page = await scene.browser.get(await scene.consent(await scene.set_out()))
    assert (page.status_code, result_of(page)) == (409, "other_tenant")
    await pass_time(scene, account_id, timedelta(seconds=2))
    assert (await acme.get(f"/v1/accounts/{account_id}")).status_code == 404
    scene.now += HOUR
    assert await scene.connect() == account_id
    assert (await acme.get(f"/v1/accounts/{account_id}")).status_code == 404
    issued = scene.credentials.bodies[account_id]
    assert isinstance(issued, CredentialIssued)
    assert issued.version == 3


async def test_disconnecting_twice_at_once_is_one_end(scene: Scene, tiktok: Switch) -> None:
    account_id = await scene.connect()
    tiktok.away = True
    for _ in range(2):
        answer = await scene.backend.delete(f"/v1/accounts/{account_id}")
        assert (answer.status_code, answer.json()["status"]) == (202, "disconnecting")
    tiktok.away = False
    await pass_time(scene, account_id, timedelta(seconds=2))
    assert len([event for event in scene.worker.told if isinstance(event, AccountDisconnected)]) == 1
