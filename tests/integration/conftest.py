"""Fixtures of the integration tests."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from analytics_service.read_side.database import Database, open_database
from analytics_service.read_side.store import StoreWriter


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    """A database of its own, with its indexes."""
    async with open_database(mongodb_url, f"t{uuid4().hex}") as database:
        await StoreWriter(database).prepare()
        yield database
