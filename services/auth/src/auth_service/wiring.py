"""Builds auth's roles and closes everything in reverse order."""

import asyncio
from collections.abc import Collection
from contextlib import AsyncExitStack

from auth_service import service, settings
from auth_service.edge_role import open_edge
from auth_service.tenants import apps
from auth_service.worker_role import open_worker
from common.contract.topics import AUTH_TENANTS
from common.security.sealing import Vault
from common.service.roles import DurableWriter, RunningRole, open_cluster, serve_roles
from common.service.settings import read
from tiktok.client import open_http_client


async def run(roles: Collection[service.Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`. If one of them fails, all of them stop.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        KeyMaterialRefused: a configured key cannot be used.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    own, tiktok = read(settings.AuthSettings), read(settings.TikTokSettings)
    vault = Vault.parse(own.vault_keys.get_secret_value())
    cluster = await open_cluster(service.NAME)
    async with AsyncExitStack() as opened:
        http = await opened.enter_async_context(open_http_client())
        tenants = cluster.view(AUTH_TENANTS)
        known_apps = apps.apps_of(tiktok, tenants=tenants, vault=vault, http=http)
        producer = await cluster.producer(opened)
        # Both roles read the tenants; the view is followed once.
        running = {"tenants": RunningRole(runs=(tenants.follow,), ready=lambda: True, not_ready="-")}
        if service.Role.WORKER in roles:
            running[service.Role.WORKER] = await open_worker(
                opened, cluster, own, apps=known_apps, tenants=tenants, vault=vault, hand_off=producer.produce
            )
        if service.Role.EDGE in roles:
            running[service.Role.EDGE] = open_edge(
                cluster,
                read(settings.EdgeSettings),
                tiktok,
                apps=known_apps,
                tenants=tenants,
                commands=DurableWriter(producer),
                vault=vault,
            )
        await serve_roles(running, service=service.NAME, settings=own, stop=stop)
