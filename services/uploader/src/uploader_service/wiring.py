"""Builds the uploader and closes everything in reverse order."""

import asyncio
import ssl
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

from common.clock import system_clock
from common.contract.topics import POST_REQUESTS
from common.security.sealing import private_key_of
from common.service.roles import join_and_run, open_cluster, serve_roles
from common.service.settings import read
from tiktok.client import open_tiktok_client
from tiktok.uploads import Uploads
from uploader_service import processor, service
from uploader_service.effect_handler import UploaderEffects
from uploader_service.settings import UploaderSettings, listed
from uploader_service.sources.reader import SourceReader


async def run(roles: Collection[service.Role], stop: asyncio.Event) -> None:
    """Run until `stop`. There is only one role.

    Raises `SettingsRefused` and, from `open_cluster`, `WrongTopics`.
    """
    del roles
    settings = read(UploaderSettings)
    cluster = await open_cluster(service.NAME)
    async with AsyncExitStack() as opened:
        worker = await join_and_run(
            opened,
            cluster,
            settings,
            processor=processor.PROCESSOR,
            effects=await open_effects(opened, settings),
            topic=POST_REQUESTS,
            max_effects=settings.effects_at_once,
        )
        await serve_roles({service.Role.WORKER: worker}, service=service.NAME, settings=settings, stop=stop)


async def open_effects(opened: AsyncExitStack, settings: UploaderSettings) -> UploaderEffects:
    """Open the clients. Threads end before the connections that they may wait for are closed."""
    tls = ssl.create_default_context()
    tiktok = await opened.enter_async_context(open_tiktok_client(settings.tiktok_api_url))
    uploads = opened.enter_context(Uploads(tls, allowed_hosts=listed(settings.tiktok_upload_hosts)))
    sources = opened.enter_context(SourceReader(tls, trusted=frozenset(listed(settings.trusted_sources))))
    # As many threads as effects: none may wait for a thread while its upload URL's hour runs.
    threads = ThreadPoolExecutor(max_workers=settings.effects_at_once, thread_name_prefix="bytes")
    opened.callback(threads.shutdown, wait=False, cancel_futures=True)
    return UploaderEffects(
        tiktok=tiktok,
        chunks=uploads,
        sources=sources,
        private_key=private_key_of(settings.private_key.get_secret_value()),
        threads=threads,
        clock=system_clock,
    )
