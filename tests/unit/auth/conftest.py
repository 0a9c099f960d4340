"""A auth_api for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from builders.admin_requests import ADMIN
from harness.auth_api import SANDBOX, AuthApi
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings


@pytest.fixture
def shell() -> AppContext:
    return AppContext(Settings(), base_url=SANDBOX)


@pytest.fixture
async def auth_api(shell: AppContext) -> AsyncIterator[AuthApi]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX) as http:
        auth_api = AuthApi(http, shell)
        async with auth_api.browser:
            yield auth_api


@pytest.fixture
async def acme(auth_api: AuthApi) -> AsyncIterator[httpx.AsyncClient]:
    """The operator, once there is a tenant `acme`."""
    auth_api.tenants.bodies.clear()
    auth_api.keys.bodies.clear()
    async with auth_api.operator as operator:
        answer = await operator.put(f"{ADMIN}/acme", json={"name": "Acme"})
        assert answer.status_code == 200, answer.text
        yield operator
