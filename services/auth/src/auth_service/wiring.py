"""Builds auth's roles, runs them side by side, and closes everything in reverse order."""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter

from auth_service.admin_edge import admin_routes
from auth_service.administration import Administration
from auth_service.apps import App, Apps, Tenants
from auth_service.browser import browser_routes
from auth_service.consent import Commands, Consents
from auth_service.edge import Accounts, EdgeView, account_routes
from auth_service.effects import AuthEffects
from auth_service.errors import NotDurable
from auth_service.grants import Recipients
from auth_service.machine import SERVICE, AuthProcessor
from auth_service.sealed_states import opens_in_place
from auth_service.settings import AuthSettings, EdgeSettings, TikTokSettings, WorkerSettings
from auth_service.vault_check import check_vault, tell_of_missing_keys
from common.clock import Clock, system_clock
from common.contract.body import Body
from common.contract.topics import AUTH_ACCOUNTS, AUTH_API_KEYS, AUTH_COMMANDS, AUTH_CREDENTIALS, AUTH_TENANTS, Topic
from common.errors import SettingsRefused
from common.http.api_keys import ApiKeyAuth
from common.http.app import create_app, serve
from common.security.sealing import Vault, public_keys_of
from common.service.settings import KafkaSettings, read
from common.service.tracing import RandomBytes
from common.streams import LogUnavailable
from common.streams.log.kafka import KafkaLog
from common.streams.log.membership import join_group
from common.streams.log.producer import EventProducer
from common.streams.log.topics import check_topics
from common.streams.runtime import WholeView, Worker, run_worker
from tiktok.client import CONNECTIONS, TikTok


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
    tenants: WholeView
    apps: Apps
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

    async def write(self, command: Body) -> None:
        """Return once the command is durable. Raises `NotDurable`."""
        try:
            await self._producer.produce(command)
        except LogUnavailable as error:
            raise NotDurable(about=command.key) from error


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
            group.create_task(shared.tenants.follow(stop), name="tenants")
            for role, part in parts.items():
                for start in part.runs:
                    group.create_task(_until_stopped(start, stop), name=role)
            settings = shared.settings
            group.create_task(serve(app, host=settings.http_host, port=settings.http_port, stop=stop), name="http")


async def _open_shared(opened: AsyncExitStack) -> Shared:
    kafka, settings, app = read(KafkaSettings), read(AuthSettings), read(TikTokSettings)
    await check_topics(kafka.bootstrap_servers, partitions=kafka.partitions)
    tls = ssl.create_default_context()
    http = await opened.enter_async_context(httpx.AsyncClient(verify=tls, limits=CONNECTIONS))
    log = KafkaLog(bootstrap_servers=kafka.bootstrap_servers, partitions=kafka.partitions, group=SERVICE)
    vault = Vault.parse(settings.vault_keys.get_secret_value())
    tenants = WholeView(log, AUTH_TENANTS, partitions=kafka.partitions)
    return Shared(
        kafka=kafka,
        settings=settings,
        tiktok_settings=app,
        log=log,
        vault=vault,
        tenants=tenants,
        apps=apps_of(app, tenants=tenants, vault=vault, http=http),
        producer=await opened.enter_async_context(
            EventProducer.open(bootstrap_servers=kafka.bootstrap_servers, source=SERVICE)
        ),
    )


def apps_of(settings: TikTokSettings, *, tenants: Tenants, vault: Vault, http: httpx.AsyncClient) -> Apps:
    """Take the installation's app from the settings, and make clients for those of tenants."""

    def client_of(client_key: str, secret: str) -> TikTok:
        return TikTok(http, settings.api_url, client_key, secret)

    own = App(
        name="",
        client_key=settings.client_key,
        pkce=settings.pkce == "hex",
        client=client_of(settings.client_key, settings.client_secret.get_secret_value()),
    )
    return Apps(own=own, tenants=tenants, vault=vault, client_of=client_of)


async def _open_worker(opened: AsyncExitStack, shared: Shared) -> Part:
    own = read(WorkerSettings)
    recipients = Recipients(public_keys_of(own.service_public_keys))
    # Before it joins: a worker that can open nothing must not take partitions from one that can.
    await check_vault(shared.log, partitions=shared.kafka.partitions, vault=shared.vault, lost=own.lost_key_ids)
    effects = AuthEffects(vault=shared.vault, recipients=recipients, clients=shared.apps, clock=system_clock)
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
        # Before any partition opens: a refresh that does not find its tenant's app yet would count as one that failed.
        await shared.tenants.read_to_end(stop)
        await run_worker(
            processor=AuthProcessor(
                recipients.fingerprint,
                opens=opens_in_place(shared.vault),
                inspect=tell_of_missing_keys(shared.vault, lost=own.lost_key_ids),
            ),
            effects=effects,
            log=shared.log,
            membership=membership,
            hand_off=shared.producer.produce,
            max_effects=own.refreshes_at_once,
            stop=stop,
            worker=worker,
        )

    return Part(runs=(work,), ready=lambda: worker.ready, not_ready="not all partitions are open")


def _open_edge(shared: Shared) -> Part:
    own, app = read(EdgeSettings), shared.tiktok_settings
    check_same_host(public_url=own.public_url, redirect_uri=app.redirect_uri)
    accounts, credentials = _view(shared, AUTH_ACCOUNTS), _view(shared, AUTH_CREDENTIALS)
    keys = _view(shared, AUTH_API_KEYS)
    views = EdgeViews(accounts=accounts, credentials=credentials, keys=keys, tenants=shared.tenants)
    commands = KafkaCommands(shared.producer)
    consents = Consents(
        apps=shared.apps,
        authorize_url=app.authorize_url,
        redirect_uri=app.redirect_uri,
        vault=shared.vault,
        commands=commands,
        accounts=accounts,
        clock=system_clock,
    )
    return Part(
        runs=(accounts.follow, credentials.follow, keys.follow),
        ready=lambda: views.ready,
        not_ready="the views of accounts, tenants and keys are not read to their end",
        routers=edge_routers(
            own, views=views, consents=consents, commands=commands, vault=shared.vault, random_bytes=os.urandom
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeViews:
    """What the edge knows."""

    accounts: EdgeView
    credentials: EdgeView
    keys: EdgeView
    tenants: EdgeView

    @property
    def ready(self) -> bool:
        """Whether all of it may be answered from."""
        return all(view.ready for view in (self.accounts, self.credentials, self.keys, self.tenants))


def edge_routers(
    settings: EdgeSettings,
    *,
    views: EdgeViews,
    consents: Consents,
    commands: Commands,
    vault: Vault,
    random_bytes: RandomBytes,
    clock: Clock = system_clock,
    monotonic: Callable[[], float] = time.monotonic,
) -> Sequence[APIRouter]:
    """Build the routes for backends, for people and for operators."""
    administration = Administration(
        commands=commands,
        tenants=views.tenants,
        keys=views.keys,
        accounts=views.accounts,
        vault=vault,
        clock=clock,
        random_bytes=random_bytes,
    )
    return (
        account_routes(
            gate=ApiKeyAuth(views.keys, clock=clock, monotonic=monotonic),
            consents=consents,
            commands=commands,
            accounts=Accounts(accounts=views.accounts, credentials=views.credentials, clock=clock),
            tenants=views.tenants,
            public_url=settings.public_url,
            clock=clock,
        ),
        browser_routes(
            consents=consents,
            views=(views.accounts, views.tenants),
            secure=settings.public_url.startswith("https://"),
        ),
        admin_routes(administration, secret=settings.bootstrap_secret),
    )


def _view(shared: Shared, topic: Topic) -> WholeView:
    return WholeView(shared.log, topic, partitions=shared.kafka.partitions)


def check_same_host(*, public_url: str, redirect_uri: str) -> None:
    """Raise `SettingsRefused` where the cookie set on the way out could not come back: cookies belong to a host."""
    if urlsplit(public_url).hostname != urlsplit(redirect_uri).hostname:
        fault = f"TIKTOK_REDIRECT_URI is `{redirect_uri}`: it must be on the host of AUTH_PUBLIC_URL, `{public_url}`"
        raise SettingsRefused([fault])


async def _until_stopped(start: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    await start(stop)


def _not_ready(parts: Mapping[Role, Part]) -> Mapping[str, str]:
    return {role.value: part.not_ready for role, part in parts.items() if not part.ready()}
