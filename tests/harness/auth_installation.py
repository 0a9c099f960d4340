"""An installation of auth alone: real Kafka, a stand-in TikTok, many accounts, and a worker whose keys change."""

import asyncio
import base64
import json
import os
import ssl
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

from auth_service import service
from auth_service.states import SealedTokenPair, State
from auth_service.tenants.apps import seal_secret
from auth_service.tokens.sealed_items import SealedItem, sealed_item_of, sealed_text
from auth_service.tokens.token_pairs import TokenPair, open_tokens, seal_tokens
from common.clock import system_clock
from common.contract.account import ConnectRequested, CredentialIssued, account_id_of
from common.contract.body import Body
from common.contract.tenant import AppRequested, TenantDescribed, TenantRequested, TikTokApp
from common.contract.topics import AUTH_CREDENTIALS
from common.security.sealing import Vault, key_id_of
from common.streams import Record, StateKey, TopicPartition
from common.streams.engine.changelog import Changelog, StateRecord
from common.streams.engine.decoding import decode_view_record
from common.streams.engine.restore import read_to_end
from common.streams.engine.whole_view import WholeView
from common.streams.log.kafka import KafkaLog
from common.streams.log.producer import EventProducer
from stack.local import Stack
from stack.options import Options
from stack.services import CLIENT_KEY, INHERITED, ServiceProcess

OLD, NEW = (f"{key_id}:{base64.b64encode(byte * 32).decode()}" for key_id, byte in (("k1", b"1"), ("k2", b"2")))
KEYS = "AUTH_VAULT_KEYS"
PARTITIONS = 4
SCOPES = ("video.publish",)
TENANTS = {"acme": "acme-app", "globex": "globex-app", "initech": None}
"""Each tenant with its own TikTok app; the last one has none."""
SETTLED_WITHIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentedAccount:
    """An account that is to be connected: whose, of which app, and with which tokens."""

    tenant: str
    open_id: str
    tokens: TokenPair
    life: timedelta

    @property
    def account_id(self) -> str:
        return account_id_of(TENANTS[self.tenant] or CLIENT_KEY, self.open_id)


@asynccontextmanager
async def open_installation(folder: Path, *, keys: str, token_seconds: int) -> AsyncIterator["AuthInstallation"]:
    """Start Kafka, the sandbox and one process of auth with these keys."""
    # The stack hands on what is here when it starts a process: so the keys can change while it runs.
    environment = {KEYS: keys}
    options = Options(
        services=(service.NAME,),
        partitions=PARTITIONS,
        sandbox=("--access-token-seconds", str(token_seconds)),
        environment=environment,
    )
    stop = asyncio.Event()
    async with Stack(folder, options) as stack:
        log = KafkaLog(bootstrap_servers=stack.bootstrap_servers, partitions=PARTITIONS, group="test")
        trust = ssl.create_default_context(cafile=str(stack.ca_file))
        credentials = WholeView(log, AUTH_CREDENTIALS, partitions=PARTITIONS)
        async with (
            httpx.AsyncClient(base_url=stack.sandbox_url, verify=trust, trust_env=False) as tiktok,
            EventProducer.open(bootstrap_servers=stack.bootstrap_servers, source="test") as producer,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(credentials.follow(stop))
            try:
                yield AuthInstallation(
                    stack, environment, log=log, tiktok=tiktok, producer=producer, credentials=credentials
                )
            finally:
                stop.set()


class AuthInstallation:
    """The installation, as its operator and its people see it."""

    def __init__(
        self,
        stack: Stack,
        environment: dict[str, str],
        *,
        log: KafkaLog,
        tiktok: httpx.AsyncClient,
        producer: EventProducer,
        credentials: WholeView,
    ) -> None:
        self.stack = stack
        self.credentials = credentials
        self._environment = environment
        self._log = log
        self._tiktok = tiktok
        self._producer = producer

    @property
    def worker(self) -> ServiceProcess:
        """The one process of auth."""
        return self.stack.service(service.NAME)

    async def restart_worker(self, keys: str) -> None:
        """Stop the worker as a deployment does, and start it with these keys."""
        await asyncio.to_thread(self.worker.stop)
        self._environment[KEYS] = keys
        await asyncio.to_thread(self.stack.start_extra, service.NAME, instance=f"{service.NAME}-0")

    @asynccontextmanager
    async def run_command(self, command: str, *, keys: str, **further: str) -> AsyncIterator[Process]:
        """Run a command of auth as an operator does. It does not outlive the test."""
        environment = {
            **{name: value for name, value in os.environ.items() if name in INHERITED},
            "KAFKA_BOOTSTRAP_SERVERS": self.stack.bootstrap_servers,
            "POSTBUS_PARTITIONS": str(PARTITIONS),
            KEYS: keys,
            **further,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "auth_service", command, env=environment, stdout=PIPE, stderr=STDOUT
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    # -- people

    async def add_apps(self, vault: Vault) -> None:
        """Give tenants TikTok apps of their own."""
        for tenant, client_key in TENANTS.items():
            now = system_clock()
            await self._producer.produce(TenantRequested(tenant=tenant, name=tenant, by="operator", at=now))
            if client_key:
                secret = f"secret-of-{tenant}"
                app = {"client_key": client_key, "client_secret": secret}
                (await self._tiktok.post("/_sandbox/apps", json=app)).raise_for_status()
                own = TikTokApp(client_key=client_key, sealed_secret=seal_secret(vault, tenant, client_key, secret))
                await self._producer.produce(AppRequested(tenant=tenant, app=own, by="operator", at=now))

    async def consented_accounts(self, count: int) -> list[ConsentedAccount]:
        """So many people who consented at TikTok just now, for each tenant in turn."""
        return [await self._consenting(f"person{n}", tenant) for n, tenant in zip(range(count), cycle(TENANTS))]

    async def _consenting(self, username: str, tenant: str) -> ConsentedAccount:
        wish = {"username": username, "client_key": TENANTS[tenant], "scopes": SCOPES}
        answer: dict[str, Any] = (await self._tiktok.post("/_sandbox/tokens", json=wish)).raise_for_status().json()
        return ConsentedAccount(
            tenant=tenant,
            open_id=answer["open_id"],
            tokens=TokenPair(access_token=answer["access_token"], refresh_token=answer["refresh_token"]),
            life=timedelta(seconds=answer["expires_in"]),
        )

    async def connect(self, members: Iterable[ConsentedAccount], vault: Vault) -> list[str]:
        """Write consents down, as an edge with these keys does; return the accounts' ids once all are connected."""
        consents = [_consent(member, vault) for member in members]
        await asyncio.gather(*map(self._producer.produce, consents))
        await self.until_issued({consent.account_id: 1 for consent in consents})
        return [consent.account_id for consent in consents]

    # -- what can be seen

    async def until_issued(self, versions: Mapping[str, int]) -> None:
        """Return once every account has a credential of this version or a later one."""

        def issued() -> bool:
            return all(self._version(account_id) >= version for account_id, version in versions.items())

        assert await self.credentials.until(issued, SETTLED_WITHIN), "not every account was connected or refreshed"

    async def until_refreshed(self, account_ids: Iterable[str]) -> None:
        """Return once every account was refreshed from now on."""
        await self.until_issued({account_id: self._version(account_id) + 1 for account_id in account_ids})

    def _version(self, account_id: str) -> int:
        body = self.credentials.get(account_id)
        return body.version if isinstance(body, CredentialIssued) else 0

    async def states(self) -> dict[StateKey, State]:
        """Auth's newest states, as a worker restores them."""
        journal = Changelog[State](service=service.NAME, partition=0, state_type=State)
        found: dict[StateKey, State | None] = {}

        def take(record: Record) -> None:
            entry = journal.read(record)
            if isinstance(entry, StateRecord):
                found[entry.key] = entry.state

        await self._read(journal.topic_partition.topic, take)
        return {key: state for key, state in found.items() if state is not None}

    async def records_on(self, topic: str) -> list[Body]:
        """Everything on a topic, each partition's in order."""
        found: list[Body] = []

        def take(record: Record) -> None:
            _, body = decode_view_record(record)
            found.extend([body] if body else [])

        await self._read(topic, take)
        return found

    async def pairs(self, vault: Vault) -> dict[str, TokenPair]:
        """Every account's tokens, opened with these keys."""
        item = {key.partition_key: sealed_item_of(state) for key, state in (await self.states()).items()}
        return {
            lane: open_tokens(vault, pair, account_id=lane)
            for lane, pair in item.items()
            if isinstance(pair, SealedTokenPair)
        }

    async def key_ids(self) -> list[str]:
        """The ids of the keys that auth's states, and what the edges know of tenants, are sealed under."""
        states = [sealed_item_of(state) for state in (await self.states()).values()]
        tenants = {
            body.key: body for body in await self.records_on("auth.tenants") if isinstance(body, TenantDescribed)
        }
        item: list[SealedItem | None] = [*states, *(body.app for body in tenants.values())]
        return [key_id_of(sealed_text(one)) for one in item if one is not None]

    def log_lines(self) -> list[dict[str, Any]]:
        """The worker's log entries, without those of Kafka's client."""
        lines = [json.loads(line) for line in self.worker.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if not line["logger"].startswith("aiokafka")]

    async def _read(self, topic: str, take: Callable[[Record], None]) -> None:
        reader = await self._log.reader(low_latency=True)
        try:
            await read_to_end(
                reader, {TopicPartition(topic, number): 0 for number in range(PARTITIONS)}, take, lambda: None
            )
        finally:
            await reader.close()


def _consent(member: ConsentedAccount, vault: Vault) -> ConnectRequested:
    now = system_clock()
    return ConnectRequested(
        account_id=member.account_id,
        tenant=member.tenant,
        open_id=member.open_id,
        client_key=TENANTS[member.tenant],
        scopes=SCOPES,
        sealed_tokens=seal_tokens(vault, member.tokens, account_id=member.account_id, version=0),
        granted_at=now,
        access_expires_at=now + member.life,
        refresh_expires_at=now + timedelta(days=180),
    )
