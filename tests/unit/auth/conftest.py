"""A scene for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from builders.admin_requests import ADMIN
from harness.auth_api import SANDBOX, Scene
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.model.settings import Settings


@pytest.fixture
def shell() -> Shell:
    return Shell(Settings(), base_url=SANDBOX)


@pytest.fixture
async def scene(shell: Shell) -> AsyncIterator[Scene]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX) as http:
        scene = Scene(http, shell)
        async with scene.browser:
            yield scene


@pytest.fixture
async def acme(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """The operator, once there is a tenant `acme`."""
    scene.tenants.bodies.clear()
    scene.keys.bodies.clear()
    async with scene.operator as operator:
        answer = await operator.put(f"{ADMIN}/acme", json={"name": "Acme"})
        assert answer.status_code == 200, answer.text
        yield operator
