"""Analytics' edge over a real store with one post."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from analytics_service.api import ReadApi, add_read_api
from analytics_service.errors import StoreUnavailable
from analytics_service.read_side.cursors import Cursor
from analytics_service.read_side.database import open_database
from analytics_service.read_side.queries import PostLocator, StoreReader
from analytics_service.read_side.store import StoreWriter
from builders.post_history import STORY, T0, records_of, upserts
from common.http.app import create_app
from contracts.http.edges import NOW, Condition, Edge, key_of
from fakes.api_keys import IssuedKeys


class UnreachableQueries(StoreReader):
    """A store that does not answer. A real one that is down takes half a second to be found out."""

    def __init__(self) -> None:
        """Need no database."""

    async def locate(self, tenant: str, post_id: str, account_id: str | None) -> list[PostLocator]:
        raise StoreUnavailable(ConnectionError())


class AnalyticsEdge:
    """The edge. Its store is opened by the first request, in whose event loop it then lives."""

    def __init__(self) -> None:
        self.url = ""
        self._ring = IssuedKeys()
        self._condition = Condition.HEALTHY
        self._opened = AsyncExitStack()
        self._apps: dict[Condition, FastAPI] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def edge(self) -> Edge:
        return Edge(
            app=_app(UnreachableQueries(), self._ring),
            asgi=self,
            conditions=(Condition.HEALTHY, Condition.NOT_READY, Condition.STORE_DOWN),
            prepare=self._prepare,
            often={"path.post_id": ("post-1",), "query.account_id": ("acc_1",)},
            # Cursors are opaque, so the schema does not describe them.
            always={"query.after": (Cursor(at=T0, id="").text(),)},
            credentials={"ApiKey": key_of(self._ring, "shop")},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if not self._apps:
                await self._open()
            app = self._apps.get(self._condition, self._apps[Condition.HEALTHY])
            await app(scope, receive, send)

    def close(self) -> None:
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._opened.aclose(), self._loop).result(timeout=10)

    def _prepare(self, condition: Condition) -> None:
        self._condition = condition
        self._ring.ready = condition is not Condition.NOT_READY

    async def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        there = await self._opened.enter_async_context(open_database(self.url, f"t{uuid4().hex}"))
        store = StoreWriter(there)
        await store.prepare()
        await store.write(upserts(records_of(STORY)), {})
        await store.advance_watermark(0, to=T0)
        self._apps = {
            Condition.HEALTHY: _app(StoreReader(there), self._ring),
            Condition.STORE_DOWN: _app(UnreachableQueries(), self._ring),
        }


def _app(queries: StoreReader, ring: IssuedKeys) -> FastAPI:
    app = create_app(service="analytics", ready=dict)
    add_read_api(app, ReadApi(reader=queries, clock=lambda: NOW), ring.authentication())
    return app
