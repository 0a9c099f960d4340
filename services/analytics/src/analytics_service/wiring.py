"""Builds analytics' roles, runs them side by side, and closes everything in reverse order."""

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import httpx
from fastapi import FastAPI

from analytics_service.ages import parse_ages
from analytics_service.edge import ReadApi, add_read_api
from analytics_service.effects import SERVICE, Collector
from analytics_service.health import StoreHealth
from analytics_service.machine import CollectorProcessor
from analytics_service.projector import Projection, project_owned
from analytics_service.queries import Queries
from analytics_service.settings import AnalyticsSettings, StoreSettings, WorkerSettings
from analytics_service.store import READ_WITHIN, WRITE_WITHIN, Database, Store, open_database
from common.clock import system_clock
from common.contract.body import Body
from common.contract.topics import AUTH_API_KEYS, POST_EVENTS
from common.http.api_keys import ApiKeyAuth
from common.http.app import create_app, serve
from common.security.credentials import AccessTokens
from common.security.sealing import private_key_of
from common.service.settings import KafkaSettings, read
from common.streams.log.kafka import KafkaLog
from common.streams.log.membership import GroupMembership, join_group
from common.streams.log.topics import check_topics
from common.streams.runtime import WholeView, Worker, run_worker
from tiktok.client import CONNECTIONS, TikTok

PROJECTOR_GROUP = f"{SERVICE}-projector"


class Role(StrEnum):
    """What a process of analytics does."""

    WORKER = "worker"
    PROJECTOR = "projector"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A role, built: what it runs, whether it can do its work, and what it adds to the HTTP edge."""

    runs: Sequence[Callable[[asyncio.Event], Coroutine[None, None, None]]]
    ready: Callable[[], bool]
    not_ready: str
    extend: Callable[[FastAPI], None] = lambda _app: None


async def run(roles: Collection[Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`. If one of them dies, so do the others.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    settings = read(AnalyticsSettings)
    async with AsyncExitStack() as opened:
        parts = {role: await _open(role, opened, settings) for role in roles}
        app = create_app(service=SERVICE, ready=lambda: not_ready(parts))
        for part in parts.values():
            part.extend(app)
        async with asyncio.TaskGroup() as group:
            for role, run_part in ((role, run_part) for role, part in parts.items() for run_part in part.runs):
                group.create_task(run_part(stop), name=role)
            group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")


def not_ready(parts: Mapping[Role, Part]) -> Mapping[str, str]:
    """Say which roles cannot do their work now, and why."""
    return {role.value: part.not_ready for role, part in parts.items() if not part.ready()}


async def _open(role: Role, opened: AsyncExitStack, settings: AnalyticsSettings) -> Part:
    match role:
        case Role.WORKER:
            return await _open_worker(opened, settings)
        case Role.PROJECTOR:
            return await _open_projector(opened, settings)
        case Role.EDGE:
            return await _open_edge(opened)


async def _open_worker(opened: AsyncExitStack, settings: AnalyticsSettings) -> Part:
    own = read(WorkerSettings)
    tls = ssl.create_default_context()
    http = await opened.enter_async_context(httpx.AsyncClient(verify=tls, limits=CONNECTIONS, trust_env=False))
    effects = Collector(
        # Numbers are asked for with a person's token; the app's own secret is none of analytics' business.
        tiktok=TikTok(http, own.tiktok_api_url, client_key="", client_secret=""),
        tokens=AccessTokens(
            service=SERVICE, private_key=private_key_of(own.private_key.get_secret_value()), clock=system_clock
        ),
        clock=system_clock,
    )
    log, membership = await _join(opened, settings, group=SERVICE)
    worker = Worker(membership)

    async def work(stop: asyncio.Event) -> None:
        await run_worker(
            processor=CollectorProcessor(parse_ages(own.collect_ages)),
            effects=effects,
            log=log,
            membership=membership,
            hand_off=_nothing_to_salvage,
            max_effects=own.collections_at_once,
            stop=stop,
            worker=worker,
        )

    return Part(runs=(work,), ready=lambda: worker.ready, not_ready="not all partitions are open")


async def _open_projector(opened: AsyncExitStack, settings: AnalyticsSettings) -> Part:
    database = await _open_store(opened, answer_within=WRITE_WITHIN)
    log, membership = await _join(opened, settings, group=PROJECTOR_GROUP)
    projection = Projection(store=Store(database), clock=system_clock)

    async def project(stop: asyncio.Event) -> None:
        await project_owned(projection, log, membership, stop)

    return Part(runs=(project,), ready=lambda: bool(membership.numbers), not_ready="no partitions are assigned")


async def _open_edge(opened: AsyncExitStack) -> Part:
    kafka = await _check_kafka()
    keys = WholeView(_log(kafka, group=SERVICE), AUTH_API_KEYS, partitions=kafka.partitions)
    gate = ApiKeyAuth(keys, clock=system_clock, monotonic=time.monotonic)
    queries = Queries(await _open_store(opened, answer_within=READ_WITHIN))
    health = StoreHealth(queries)
    return Part(
        runs=(health.follow, keys.follow),
        ready=lambda: health.answers and keys.ready,
        not_ready="the store does not answer, or the API keys are not read to their end",
        extend=lambda app: add_read_api(app, ReadApi(queries=queries, clock=system_clock), gate),
    )


async def _open_store(opened: AsyncExitStack, *, answer_within: timedelta) -> Database:
    store = read(StoreSettings)
    return await opened.enter_async_context(
        open_database(store.url.get_secret_value(), store.database, answer_within=answer_within)
    )


async def _join(opened: AsyncExitStack, settings: AnalyticsSettings, *, group: str) -> tuple[KafkaLog, GroupMembership]:
    kafka = await _check_kafka()
    membership = await opened.enter_async_context(
        join_group(
            bootstrap_servers=kafka.bootstrap_servers,
            group=group,
            topic=POST_EVENTS.name,
            instance=settings.instance,
            session_timeout_ms=settings.session_timeout_ms,
        )
    )
    return _log(kafka, group=group), membership


async def _check_kafka() -> KafkaSettings:
    kafka = read(KafkaSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    return kafka


def _log(kafka: KafkaSettings, *, group: str) -> KafkaLog:
    return KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=group)


async def _nothing_to_salvage(body: Body) -> None:
    """Do nothing: a collection's outcome costs nothing but another call."""
    del body
