"""Fixtures of the integration tests."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from analytics_service.read_side.store import Database, Store, open_database


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    """A database of its own, with its indexes."""
    async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
        await Store(database).prepare()
        yield database
