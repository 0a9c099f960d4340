"""A scene for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.settings import Settings
from sandbox.shell import Shell
from sandbox.web import build_app
from unit.auth.scene import SANDBOX, Scene


@pytest.fixture
def shell() -> Shell:
    return Shell(Settings(), base_url=SANDBOX)


@pytest.fixture
async def scene(shell: Shell) -> AsyncIterator[Scene]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX) as http:
        scene = Scene(http, shell)
        async with scene.browser:
            yield scene
