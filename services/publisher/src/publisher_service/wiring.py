"""Builds the publisher's roles and closes everything in reverse order."""

import asyncio
import os
import time
from collections.abc import Collection
from contextlib import AsyncExitStack
from datetime import timedelta

from common.clock import system_clock
from common.contract.topics import AUTH_ACCOUNTS, AUTH_API_KEYS, POST_EVENTS
from common.http.api_keys import ApiKeyAuth
from common.security.sealing import private_key_of
from common.service import roles as process
from common.service.roles import Cluster, RunningRole
from common.service.settings import read
from publisher_service import api, processor, service, webhook_api
from publisher_service.effect_handler import PublisherEffects
from publisher_service.settings import EdgeSettings, PublisherSettings, WorkerSettings
from tiktok.client import open_tiktok_client


async def run(roles: Collection[service.Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`. If one of them fails, all of them stop.

    Raises `SettingsRefused` and, from `open_cluster`, `WrongTopics`.
    """
    settings = read(PublisherSettings)
    cluster = await process.open_cluster(service.NAME)
    async with AsyncExitStack() as opened:
        running: dict[str, RunningRole] = {}
        if service.Role.WORKER in roles:
            running[service.Role.WORKER] = await _open_worker(opened, cluster, settings)
        if service.Role.EDGE in roles:
            running[service.Role.EDGE] = await _open_edge(opened, cluster)
        await process.serve_roles(running, service=service.NAME, settings=settings, stop=stop)


async def _open_worker(opened: AsyncExitStack, cluster: Cluster, settings: PublisherSettings) -> RunningRole:
    own = read(WorkerSettings)
    effects = PublisherEffects(
        tiktok=await opened.enter_async_context(open_tiktok_client(own.tiktok_api_url)),
        private_key=private_key_of(own.private_key.get_secret_value()),
        clock=system_clock,
    )
    return await process.join_and_run(
        opened,
        cluster,
        settings,
        processor=processor.PROCESSOR,
        effects=effects,
        topic=POST_EVENTS,
        max_effects=own.polls_at_once,
    )


async def _open_edge(opened: AsyncExitStack, cluster: Cluster) -> RunningRole:
    own = read(EdgeSettings)
    accounts, keys = cluster.view(AUTH_ACCOUNTS), cluster.view(AUTH_API_KEYS)
    writer = process.DurableWriter(await cluster.producer(opened))
    posts = api.routes(
        api_keys=ApiKeyAuth(keys, clock=system_clock, monotonic=time.monotonic),
        accounts=accounts,
        requests=writer,
        clock=system_clock,
        random_bytes=os.urandom,
    )
    webhook = webhook_api.webhook_routes(
        app=webhook_api.tiktok_app(own),
        notifications=writer,
        tolerance=timedelta(seconds=own.webhook_tolerance_seconds),
        clock=system_clock,
        random_bytes=os.urandom,
    )
    return RunningRole(
        runs=(accounts.follow, keys.follow),
        ready=lambda: accounts.ready and keys.ready,
        not_ready="the accounts or the API keys are not read to their end",
        extend=process.add_routers(posts, webhook),
    )
