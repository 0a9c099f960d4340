"""An operator's change is done when the edge's own view shows it."""

import hashlib
from dataclasses import dataclass

import httpx

from auth_service.tenants.administration import Administration, NewApp
from auth_service.tenants.apps import seal_secret
from builders.admin_requests import SECRET
from common.contract.body import Body
from common.contract.tenant import AppRequested, AppResealed
from fakes.auth_worker import VAULT
from harness.auth_api import AuthApi


@dataclass
class SealsAnew:
    """Auth's worker, and a rotation of keys that is done with each app before its view shows it."""

    auth_api: AuthApi

    async def write(self, command: Body) -> None:
        await self.auth_api.worker.write(command)
        if isinstance(command, AppRequested) and command.app is not None:
            replaces = hashlib.sha256(command.app.sealed_secret.encode()).hexdigest()
            sealed = seal_secret(VAULT, command.tenant, command.app.client_key, SECRET)
            await self.auth_api.worker.write(AppResealed(tenant=command.tenant, replaces=replaces, sealed=sealed))


async def test_app_resealed_meanwhile_is_still_set(auth_api: AuthApi, acme: httpx.AsyncClient) -> None:
    administration = Administration(
        commands=SealsAnew(auth_api),
        tenants=auth_api.tenants,
        keys=auth_api.keys,
        accounts=auth_api.accounts,
        vault=VAULT,
        clock=lambda: auth_api.now,
        random_bytes=auth_api.random.randbytes,
    )
    described = await administration.set_app("acme", NewApp(client_key="aw-acme", secret=SECRET, pkce="none"))
    assert described.app is not None
    asked = [command for command in auth_api.worker.written if isinstance(command, AppRequested)]
    assert [command.app for command in asked] != [described.app], "it was sealed again"
    assert await administration.set_app("acme", None) == auth_api.tenants.bodies["acme"]
