"""Builds the publisher's roles, runs them side by side, and closes everything in reverse order."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

import httpx
from fastapi import APIRouter

from common.clock import system_clock
from common.contract.body import Body
from common.contract.post import PostRequested
from common.contract.tiktok import TikTokNotified
from common.contract.topics import AUTH_ACCOUNTS, AUTH_API_KEYS, POST_EVENTS
from common.http.api_keys import ApiKeyAuth
from common.http.app import create_app, serve
from common.security.sealing import private_key_of
from common.service.settings import KafkaSettings, read
from common.streams import LogUnavailable
from common.streams.log.kafka import KafkaLog
from common.streams.log.membership import join_group
from common.streams.log.producer import EventProducer
from common.streams.log.topics import check_topics
from common.streams.runtime import WholeView, Worker, run_worker
from publisher_service.decisions import SERVICE
from publisher_service.edge import routes
from publisher_service.effects import PublisherEffects
from publisher_service.errors import NotDurable, NotificationNotDurable
from publisher_service.machine import MACHINE
from publisher_service.settings import EdgeSettings, PublisherSettings, WorkerSettings
from publisher_service.tiktok_webhooks import App, webhook_routes
from tiktok.client import CONNECTIONS, TikTok


class Role(StrEnum):
    """What a process of the publisher does."""

    WORKER = "worker"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A role, built: what it runs, whether it can do its work, and what it adds to the HTTP edge."""

    runs: Sequence[Callable[[asyncio.Event], Coroutine[None, None, None]]]
    ready: Callable[[], bool]
    not_ready: str
    routes: APIRouter | None = None


class Producer(Protocol):
    """What writes single events."""

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        """Return once the event is durable. Raises `LogUnavailable`: it may be there or not."""


class KafkaRequests:
    """Writes requests for posts to Kafka."""

    def __init__(self, producer: Producer) -> None:
        """Take the producer."""
        self._producer = producer

    async def write(self, request: PostRequested, traceparent: str) -> None:
        """Return once the request is durable. Raises `NotDurable`."""
        try:
            await self._producer.produce(request, traceparent)
        except LogUnavailable as error:
            raise NotDurable(post_id=request.post_id) from error


class KafkaNotifications:
    """Writes to Kafka what TikTok told us."""

    def __init__(self, producer: Producer) -> None:
        """Take the producer."""
        self._producer = producer

    async def write(self, notified: TikTokNotified, traceparent: str) -> None:
        """Return once it is durable. Raises `NotificationNotDurable`."""
        try:
            await self._producer.produce(notified, traceparent)
        except LogUnavailable as error:
            raise NotificationNotDurable from error


async def run(roles: Collection[Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`. If one of them dies, so do the others.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    kafka, settings = read(KafkaSettings), read(PublisherSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    log = KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=SERVICE)
    async with AsyncExitStack() as opened:
        parts: dict[Role, Part] = {}
        if Role.WORKER in roles:
            parts[Role.WORKER] = await _open_worker(opened, kafka=kafka, settings=settings, log=log)
        if Role.EDGE in roles:
            parts[Role.EDGE] = await _open_edge(opened, kafka=kafka, log=log)
        app = create_app(service=SERVICE, ready=lambda: not_ready(parts))
        for part in parts.values():
            if part.routes is not None:
                app.include_router(part.routes)
        async with asyncio.TaskGroup() as group:
            for role, run_part in ((role, run_part) for role, part in parts.items() for run_part in part.runs):
                group.create_task(run_part(stop), name=role)
            group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")


async def _open_worker(
    opened: AsyncExitStack, *, kafka: KafkaSettings, settings: PublisherSettings, log: KafkaLog
) -> Part:
    own = read(WorkerSettings)
    tls = ssl.create_default_context()
    http = await opened.enter_async_context(httpx.AsyncClient(verify=tls, limits=CONNECTIONS))
    effects = PublisherEffects(
        # Asking for a status takes a person's token; the app's own secret is none of the publisher's business.
        tiktok=TikTok(http, own.tiktok_api_url, client_key="", client_secret=""),
        private_key=private_key_of(own.private_key.get_secret_value()),
        clock=system_clock,
    )
    membership = await opened.enter_async_context(
        join_group(
            bootstrap_servers=kafka.bootstrap_servers,
            group=SERVICE,
            topic=POST_EVENTS.name,
            instance=settings.instance,
            session_timeout_ms=settings.session_timeout_ms,
        )
    )
    worker = Worker(membership)

    async def work(stop: asyncio.Event) -> None:
        await run_worker(
            processor=MACHINE,
            effects=effects,
            log=log,
            membership=membership,
            hand_off=_nothing_to_salvage,
            max_effects=own.polls_at_once,
            stop=stop,
            worker=worker,
        )

    return Part(runs=(work,), ready=lambda: worker.ready, not_ready="not all partitions are open")


async def _open_edge(opened: AsyncExitStack, *, kafka: KafkaSettings, log: KafkaLog) -> Part:
    accounts = WholeView(log, AUTH_ACCOUNTS, partitions=kafka.partitions)
    keys = WholeView(log, AUTH_API_KEYS, partitions=kafka.partitions)
    producer = await opened.enter_async_context(
        EventProducer.open(bootstrap_servers=kafka.bootstrap_servers, source=SERVICE)
    )
    router = routes(
        gate=ApiKeyAuth(keys, clock=system_clock, monotonic=time.monotonic),
        accounts=accounts,
        requests=KafkaRequests(producer),
        clock=system_clock,
        random_bytes=os.urandom,
    )
    router.include_router(_webhook(read(EdgeSettings), producer))
    return Part(
        runs=(accounts.follow, keys.follow),
        ready=lambda: accounts.ready and keys.ready,
        not_ready="the accounts or the API keys are not read to their end",
        routes=router,
    )


def _webhook(settings: EdgeSettings, producer: Producer) -> APIRouter:
    return webhook_routes(
        app=app_of(settings),
        notifications=KafkaNotifications(producer),
        tolerance=timedelta(seconds=settings.webhook_tolerance_seconds),
        clock=system_clock,
        random_bytes=os.urandom,
    )


def app_of(settings: EdgeSettings) -> App | None:
    """Name the app whose webhook this edge takes; None where the settings name none, or only half of it."""
    if not settings.client_key or not settings.client_secret:
        return None
    return App(client_key=settings.client_key, client_secret=settings.client_secret.get_secret_value())


async def _nothing_to_salvage(body: Body) -> None:
    """Do nothing: a poll's outcome costs nothing but another poll."""
    del body


def not_ready(parts: Mapping[Role, Part]) -> Mapping[str, str]:
    """Say which roles cannot do their work now, and why."""
    return {role.value: part.not_ready for role, part in parts.items() if not part.ready()}
