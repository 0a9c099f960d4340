"""Builds the uploader, runs it, and closes everything in reverse order."""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack

import httpx

from common.clock import system_clock
from common.contract.body import Body
from common.contract.topics import POST_REQUESTS
from common.http.app import create_app, serve
from common.security.sealing import private_key_of
from common.service.settings import KafkaSettings, read
from common.streams.log.kafka import KafkaLog
from common.streams.log.membership import join_group
from common.streams.log.topics import check_topics
from common.streams.runtime import Worker, run_worker
from tiktok.client import CONNECTIONS, TikTok
from tiktok.uploads import Uploads
from uploader_service import service
from uploader_service.effect_handler import UploaderEffects
from uploader_service.processor import MACHINE
from uploader_service.settings import UploaderSettings, listed
from uploader_service.sources.reader import Sources


async def run(roles: Collection[service.Role], stop: asyncio.Event) -> None:
    """Run until `stop`. There is only one role.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    del roles
    kafka, settings = read(KafkaSettings), read(UploaderSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    log = KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=service.NAME)
    async with AsyncExitStack() as opened:
        effects = await open_effects(opened, settings)
        membership = await opened.enter_async_context(
            join_group(
                bootstrap_servers=kafka.bootstrap_servers,
                group=service.NAME,
                topic=POST_REQUESTS.name,
                instance=settings.instance,
                session_timeout_ms=settings.session_timeout_ms,
            )
        )
        worker = Worker(membership)
        app = create_app(service=service.NAME, ready=lambda: _not_ready(worker))
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")
            await run_worker(
                processor=MACHINE,
                effects=effects,
                log=log,
                membership=membership,
                hand_off=_nothing_to_salvage,
                max_effects=settings.effects_at_once,
                stop=stop,
                worker=worker,
            )


async def open_effects(opened: AsyncExitStack, settings: UploaderSettings) -> UploaderEffects:
    """Open the clients. Threads are told to end before the connections they may hang on are dropped."""
    tls = ssl.create_default_context()
    http = await opened.enter_async_context(httpx.AsyncClient(verify=tls, limits=CONNECTIONS, trust_env=False))
    uploads = opened.enter_context(Uploads(tls, allowed_hosts=listed(settings.tiktok_upload_hosts)))
    sources = opened.enter_context(Sources(tls, trusted=frozenset(listed(settings.trusted_sources))))
    threads = ThreadPoolExecutor(max_workers=settings.effects_at_once, thread_name_prefix="bytes")
    opened.callback(threads.shutdown, wait=False, cancel_futures=True)
    return UploaderEffects(
        # Posting takes a person's token; the app's own secret is none of the uploader's business.
        tiktok=TikTok(http, settings.tiktok_api_url, client_key="", client_secret=""),
        chunks=uploads,
        sources=sources,
        private_key=private_key_of(settings.private_key.get_secret_value()),
        threads=threads,
        clock=system_clock,
    )


async def _nothing_to_salvage(body: Body) -> None:
    """Do nothing: an attempt whose `publish_id` is lost dies without bytes."""
    del body


def _not_ready(worker: Worker) -> Mapping[str, str]:
    return {} if worker.ready else {"worker": "not all partitions are open"}
