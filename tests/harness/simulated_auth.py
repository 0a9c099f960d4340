"""Many accounts in a log in memory, workers and rotations over it, all in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service.effect_handler import AuthEffectHandler, Client
from auth_service.processor import AuthProcessor
from auth_service.states import State
from auth_service.tenants.apps import seal_secret
from auth_service.tokens.rotate_keys import Rotation
from auth_service.tokens.sealed_items import replacement_check, sealed_item_of, sealed_text
from auth_service.tokens.token_pairs import Recipients, TokenPair, open_tokens
from builders.consents import BOTH, LIFE, OLD_ALONE, consent_of, tokens_of
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.contract.tenant import AppRequested, TenantRequested, TikTokApp
from common.security.sealing import Vault, key_id_of
from common.streams import StateKey, TopicPartition
from common.streams.engine.changelog import Changelog, StateRecord
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.log.memory import FaultInjector, MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.tiktok_clients import SingleClient
from fakes.tiktok_refresh import OneUseRefreshTikTok
from harness import virtual_time

PARTITIONS = 2
RECIPIENTS = Recipients({"uploader": X25519PrivateKey.generate().public_key()})


class SimulatedAuth:
    """The log of an installation, and what people and processes do on it."""

    def __init__(self, tiktok: Client | None = None) -> None:
        self.store = MemoryStore(partitions=PARTITIONS, clock=virtual_time.clock)
        self.output: list[str] = []
        self._tiktok = tiktok or OneUseRefreshTikTok()
        self._log = MemoryLog(self.store)

    async def write(self, body: Body) -> None:
        value, headers = encode(Envelope(id="1", source="test", time=None, traceparent=None, body=body))
        slice_ = TopicPartition(body.topic.name, self._log.partition_of(body.key))
        self.store.append(OutgoingRecord(topic_partition=slice_, key=body.key.encode(), value=value, headers=headers))

    async def connect(self, *account_ids: str, vault: Vault = OLD_ALONE, life: timedelta = LIFE) -> None:
        for account_id in account_ids:
            await self.write(
                consent_of(account_id, tokens_of(account_id), vault=vault, life=life, at=virtual_time.clock())
            )

    async def add_app(self, tenant: str, client_key: str, secret: str, *, vault: Vault = OLD_ALONE) -> None:
        now = virtual_time.clock()
        app = TikTokApp(client_key=client_key, sealed_secret=seal_secret(vault, tenant, client_key, secret))
        await self.write(TenantRequested(tenant=tenant, name=tenant, by="operator", at=now))
        await self.write(AppRequested(tenant=tenant, app=app, by="operator", at=now))

    @asynccontextmanager
    async def worker(self, vault: Vault) -> AsyncIterator[None]:
        """Have a worker with these keys serve every partition meanwhile."""
        surroundings = TaskDependencies(
            processor=AuthProcessor(RECIPIENTS.fingerprint, can_replace=replacement_check(vault)),
            effects=AuthEffectHandler(
                vault=vault, recipients=RECIPIENTS, clients=SingleClient(self._tiktok), clock=virtual_time.clock
            ),
            log=self._log,
            clock=virtual_time.clock,
            read_clocks=virtual_time.moment,
            random=Random(1),
            limiter=FairLimiter(16),
            hand_off=self.write,
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(PARTITIONS):
                group.create_task(Task(surroundings, number).run(stop))
            yield
            stop.set()

    async def work(self, vault: Vault, seconds: float = 5) -> None:
        """Have a worker with these keys serve for a while."""
        async with self.worker(vault):
            await asyncio.sleep(seconds)

    def rotation(
        self,
        vault: Vault = BOTH,
        *,
        write: Callable[[Body], object] | None = None,
        weather: FaultInjector | None = None,
    ) -> Rotation:
        """Prepare a run of the command. Its output is in `output`."""
        log = MemoryLog(self.store, weather) if weather else self._log
        return Rotation(
            log=log,
            partitions=PARTITIONS,
            vault=vault,
            write=write or self.write,  # type: ignore[arg-type]  # coroutine functions, all of them
            report=self.output.append,
        )

    async def rotate(self, vault: Vault = BOTH) -> int:
        return await self.rotation(vault).run(asyncio.Event())

    def records(self, topic: str) -> int:
        return sum(len(self.store.records.get(TopicPartition(topic, number), ())) for number in range(PARTITIONS))

    def states(self) -> dict[StateKey, State]:
        """Every state, as a worker would restore it."""
        found: dict[StateKey, State | None] = {}
        for number in range(PARTITIONS):
            journal = Changelog[State](service="auth", partition=number, state_type=State)
            for record in self.store.records.get(journal.topic_partition, ()):
                entry = journal.read(record)
                if isinstance(entry, StateRecord):
                    found[entry.key] = entry.state
        return {key: state for key, state in found.items() if state is not None}

    def key_ids(self) -> dict[str, str]:
        """The id of the key that everything sealed is under, by account or tenant."""
        item = ((key, sealed_item_of(state)) for key, state in self.states().items())
        return {key.partition_key: key_id_of(sealed_text(one)) for key, one in item if one is not None}

    def pairs(self, vault: Vault = BOTH) -> dict[str, tuple[int, TokenPair]]:
        """Every account's version and tokens, as a worker with these keys reads them."""
        return dict(self._pairs(vault))

    def _pairs(self, vault: Vault) -> Iterator[tuple[str, tuple[int, TokenPair]]]:
        for key, state in self.states().items():
            pair = getattr(state, "pair", None)
            if pair is not None:
                yield key.partition_key, (pair.version, open_tokens(vault, pair, account_id=key.partition_key))
