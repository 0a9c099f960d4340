"""Builds auth's roles, runs them side by side, and closes everything in reverse order."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter

from auth_service.consent import App, Consents
from auth_service.edge import account_routes, browser_routes
from auth_service.effects import AuthEffects
from auth_service.errors import NotDurable
from auth_service.grants import Recipients
from auth_service.machine import SERVICE, auth_machine
from auth_service.settings import AuthSettings, EdgeSettings, TikTokSettings, WorkerSettings
from common.errors import SettingsRefused
from common.events.account import ConnectRequested
from common.events.topics import AUTH_ACCOUNTS, AUTH_COMMANDS, AUTH_CREDENTIALS
from common.http import create_app, serve
from common.instants import system_clock
from common.sealing import Vault, public_keys_of
from common.settings import KafkaSettings, read
from common.streams.kafka import KafkaLog
from common.streams.log import Unusable
from common.streams.membership import join_group
from common.streams.producer import EventProducer
from common.streams.topics import check_topics
from common.streams.views import WholeView
from common.streams.worker import Worker, run_worker
from tiktok.client import TikTok


class Role(StrEnum):
    """What a process of auth does."""

    WORKER = "worker"
    EDGE = "edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What both roles are built from."""

    kafka: KafkaSettings
    settings: AuthSettings
    tiktok_settings: TikTokSettings
    log: KafkaLog
    vault: Vault
    tiktok: TikTok
    producer: EventProducer


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A role, built: what it runs, what keeps it from its work, and what it adds to the HTTP edge."""

    runs: Sequence[Callable[[asyncio.Event], Awaitable[None]]]
    ready: Callable[[], bool]
    not_ready: str
    routers: Sequence[APIRouter] = ()


class KafkaCommands:
    """Writes commands to Kafka."""

    def __init__(self, producer: EventProducer) -> None:
        """Take the producer."""
        self._producer = producer

    async def write(self, command: ConnectRequested) -> None:
        """Return once the command is durable. Raises `NotDurable`."""
        try:
            await self._producer.produce(command)
        except Unusable as error:
            raise NotDurable(account_id=command.account_id) from error


async def run(roles: Collection[Role], stop: asyncio.Event) -> None:
    """Run the roles until `stop`. If one of them dies, so do the others.

    Raises:
        SettingsRefused: the environment lacks something; names each variable.
        KeyMaterialRefused: a configured key cannot be used.
        WrongTopics: Kafka's topics are not what this installation needs.
    """
    async with AsyncExitStack() as opened:
        shared = await _open_shared(opened)
        parts: dict[Role, Part] = {}
        if Role.WORKER in roles:
            parts[Role.WORKER] = await _open_worker(opened, shared)
        if Role.EDGE in roles:
            parts[Role.EDGE] = _open_edge(shared)
        app = create_app(service=SERVICE, ready=lambda: _not_ready(parts))
        for router in (router for part in parts.values() for router in part.routers):
            app.include_router(router)
        async with asyncio.TaskGroup() as group:
            for role, part in parts.items():
                for start in part.runs:
                    group.create_task(_until_stopped(start, stop), name=role)
            settings = shared.settings
            group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")


async def _open_shared(opened: AsyncExitStack) -> Shared:
    kafka, settings, tiktok = read(KafkaSettings), read(AuthSettings), read(TikTokSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    http = await opened.enter_async_context(httpx.AsyncClient(verify=ssl.create_default_context()))
    return Shared(
        kafka=kafka,
        settings=settings,
        tiktok_settings=tiktok,
        log=KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=SERVICE),
        vault=Vault.parse(settings.vault_keys.get_secret_value()),
        tiktok=TikTok(http, tiktok.api_url, tiktok.client_key, tiktok.client_secret.get_secret_value()),
        producer=await opened.enter_async_context(
            EventProducer.open(bootstrap_servers=kafka.bootstrap_servers, source=SERVICE)
        ),
    )


async def _open_worker(opened: AsyncExitStack, shared: Shared) -> Part:
    own = read(WorkerSettings)
    recipients = Recipients(public_keys_of(own.service_public_keys))
    effects = AuthEffects(vault=shared.vault, recipients=recipients, tiktok=shared.tiktok, clock=system_clock)
    membership = await opened.enter_async_context(
        join_group(
            bootstrap_servers=shared.kafka.bootstrap_servers,
            group=SERVICE,
            topic=AUTH_COMMANDS.name,
            instance=shared.settings.instance,
            session_timeout_ms=shared.settings.session_timeout_ms,
        )
    )
    worker = Worker(membership)

    async def work(stop: asyncio.Event) -> None:
        await run_worker(
            machine=auth_machine(recipients.fingerprint),
            effects=effects,
            log=shared.log,
            membership=membership,
            salvage=shared.producer.produce,
            slots=own.refreshes_at_once,
            stop=stop,
            worker=worker,
        )

    return Part(runs=(work,), ready=lambda: worker.ready, not_ready="not all partitions are open")


def _open_edge(shared: Shared) -> Part:
    own, app = read(EdgeSettings), shared.tiktok_settings
    check_same_host(public_url=own.public_url, redirect_uri=app.redirect_uri)
    accounts = WholeView(shared.log, AUTH_ACCOUNTS, partitions=shared.kafka.partitions)
    credentials = WholeView(shared.log, AUTH_CREDENTIALS, partitions=shared.kafka.partitions)
    consents = Consents(
        app=App(
            authorize_url=app.authorize_url,
            client_key=app.client_key,
            redirect_uri=app.redirect_uri,
            pkce=app.pkce == "hex",
        ),
        vault=shared.vault,
        tiktok=shared.tiktok,
        commands=KafkaCommands(shared.producer),
        accounts=accounts,
        clock=system_clock,
    )
    return Part(
        runs=(accounts.follow, credentials.follow),
        ready=lambda: accounts.ready and credentials.ready,
        not_ready="the accounts are not read to their end",
        routers=(
            account_routes(
                consents=consents,
                accounts=accounts,
                credentials=credentials,
                public_url=own.public_url,
                clock=system_clock,
            ),
            browser_routes(consents=consents, accounts=accounts, secure=own.public_url.startswith("https://")),
        ),
    )


def check_same_host(*, public_url: str, redirect_uri: str) -> None:
    """Raise `SettingsRefused` where the cookie set on the way out could not come back: cookies belong to a host."""
    if urlsplit(public_url).hostname != urlsplit(redirect_uri).hostname:
        fault = f"TIKTOK_REDIRECT_URI is `{redirect_uri}`: it must be on the host of AUTH_PUBLIC_URL, `{public_url}`"
        raise SettingsRefused([fault])


async def _until_stopped(start: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await start(stop)


def _not_ready(parts: Mapping[Role, Part]) -> Mapping[str, str]:
    return {role.value: part.not_ready for role, part in parts.items() if not part.ready()}
