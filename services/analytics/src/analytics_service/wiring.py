"""Builds analytics' roles and closes everything in reverse order."""

import asyncio
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta

from analytics_service import api, effect_handler, processor, schedule, service
from analytics_service.read_side import database, projector, queries, store, store_health
from analytics_service.settings import AnalyticsSettings, StoreSettings, WorkerSettings
from common.clock import system_clock
from common.contract.topics import AUTH_API_KEYS, POST_EVENTS
from common.http.api_keys import ApiKeyAuth
from common.security.credentials import AccessTokens
from common.security.sealing import private_key_of
from common.service.roles import Cluster, RunningRole, join_and_run, open_cluster, serve_roles
from common.service.settings import read
from tiktok.client import open_tiktok_client


async def run(roles: Collection[service.Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`; if one fails, all stop. Raises `SettingsRefused`, `WrongTopics`."""
    settings, cluster = read(AnalyticsSettings), await open_cluster(service.NAME)
    openers = {service.Role.WORKER: _worker, service.Role.PROJECTOR: _projector, service.Role.EDGE: _edge}
    async with AsyncExitStack() as opened:
        running: dict[str, RunningRole] = {role: await openers[role](opened, cluster, settings) for role in roles}
        await serve_roles(running, service=service.NAME, settings=settings, stop=stop)


async def _worker(opened: AsyncExitStack, cluster: Cluster, settings: AnalyticsSettings) -> RunningRole:
    own = read(WorkerSettings)
    private_key = private_key_of(own.private_key.get_secret_value())
    collector = effect_handler.AnalyticsEffects(
        tiktok=await opened.enter_async_context(open_tiktok_client(own.tiktok_api_url)),
        tokens=AccessTokens(service=service.NAME, private_key=private_key, clock=system_clock),
        clock=system_clock,
    )
    collecting = processor.CollectorProcessor(schedule.parse_ages(own.collect_ages))
    return await join_and_run(
        opened,
        cluster,
        settings,
        processor=collecting,
        effects=collector,
        topic=POST_EVENTS,
        max_effects=own.collections_at_once,
    )


async def _projector(opened: AsyncExitStack, cluster: Cluster, settings: AnalyticsSettings) -> RunningRole:
    opened_store = await _open_store(opened, answer_within=database.WRITE_TIMEOUT)
    group = f"{service.NAME}-projector"
    membership = await cluster.join(opened, settings, topic=POST_EVENTS, group=group)
    projection = projector.Projection(store=store.StoreWriter(opened_store), clock=system_clock)

    async def project(stop: asyncio.Event) -> None:
        await projector.project_owned(projection, cluster.log(group), membership, stop)

    return RunningRole(runs=(project,), ready=lambda: bool(membership.numbers), not_ready="no partitions are assigned")


async def _edge(opened: AsyncExitStack, cluster: Cluster, settings: AnalyticsSettings) -> RunningRole:
    del settings
    keys = cluster.view(AUTH_API_KEYS)
    found = queries.StoreReader(await _open_store(opened, answer_within=database.READ_TIMEOUT))
    health, api_keys = store_health.StoreHealth(found), ApiKeyAuth(keys, clock=system_clock, monotonic=time.monotonic)
    return RunningRole(
        runs=(health.follow, keys.follow),
        ready=lambda: health.answers and keys.ready,
        not_ready="the store does not answer, or the API keys are not read to their end",
        extend=lambda app: api.add_read_api(app, api.ReadApi(reader=found, clock=system_clock), api_keys),
    )


async def _open_store(opened: AsyncExitStack, *, answer_within: timedelta) -> database.Database:
    own = read(StoreSettings)
    return await opened.enter_async_context(
        database.open_database(own.url.get_secret_value(), own.database, answer_within=answer_within)
    )
