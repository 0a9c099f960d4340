"""The real task over a log in memory, in virtual time, and a TikTok that rotates tokens."""

import asyncio
from datetime import timedelta
from random import Random

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service.effect_handler import AuthEffectHandler
from auth_service.processor import AuthProcessor
from auth_service.tokens.token_pairs import Recipients, TokenPair, seal_tokens
from common.contract.account import ConnectRequested, CredentialIssued
from common.contract.body import Body
from common.contract.codec import Envelope, decode, encode
from common.security.sealing import Vault, open_sealed
from common.streams import TopicPartition
from common.streams.engine.fair_limiter import FairLimiter
from common.streams.engine.task import Task, TaskDependencies
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.tiktok_clients import SingleClient
from fakes.tiktok_refresh import ACCESS_SECONDS, RotatingTikTok
from harness import virtual_time

ACCOUNT = "acc_1"
VAULT = Vault({"one": b"1" * 32})
UPLOADER = X25519PrivateKey.generate()


class AuthPartition:
    """One partition of auth, its log, and what others wrote to it."""

    def __init__(self, tiktok: RotatingTikTok) -> None:
        self.store = MemoryStore(partitions=1, clock=virtual_time.clock)
        self.salvaged: list[Body] = []
        self._tiktok = tiktok

    def write(self, body: Body) -> None:
        value, headers = encode(Envelope(id="1", source="test", time=None, traceparent=None, body=body))
        self.store.append(
            OutgoingRecord(
                topic_partition=TopicPartition(body.topic.name, 0), key=b"acc_1", value=value, headers=headers
            )
        )

    def connect(self, tokens: TokenPair, *, scopes: tuple[str, ...] = ("video.publish",)) -> None:
        now = virtual_time.clock()
        self.write(
            ConnectRequested(
                account_id=ACCOUNT,
                tenant="acme",
                open_id="-000open",
                scopes=scopes,
                sealed_tokens=seal_tokens(VAULT, tokens, account_id=ACCOUNT, version=0),
                granted_at=now,
                access_expires_at=now + timedelta(seconds=ACCESS_SECONDS),
                refresh_expires_at=now + timedelta(days=1),
            )
        )

    async def serve(self, seconds: float, *, service: X25519PrivateKey = UPLOADER) -> None:
        recipients = Recipients({"uploader": service.public_key()})

        async def salvage(body: Body) -> None:
            self.salvaged.append(body)

        surroundings = TaskDependencies(
            processor=AuthProcessor(recipients.fingerprint),
            effects=AuthEffectHandler(
                vault=VAULT, recipients=recipients, clients=SingleClient(self._tiktok), clock=virtual_time.clock
            ),
            log=MemoryLog(self.store),
            clock=virtual_time.clock,
            read_clocks=virtual_time.moment,
            random=Random(1),
            limiter=FairLimiter(4),
            hand_off=salvage,
        )
        stop = asyncio.Event()
        running = asyncio.create_task(Task(surroundings, 0).run(stop))
        await asyncio.sleep(seconds)
        stop.set()
        await running

    def published(self, topic: str) -> list[Body]:
        records = self.store.records.get(TopicPartition(topic, 0), [])
        return [decode(topic=topic, value=record.value or b"", headers=record.headers).body for record in records]

    def credentials(self) -> list[tuple[int, str]]:
        """Every access token that was ever published, as the uploader reads it."""
        found = []
        for body in self.published("auth.credentials"):
            if isinstance(body, CredentialIssued):
                context = f"{ACCOUNT}|access_token|{body.version}"
                found.append((body.version, open_sealed(UPLOADER, body.sealed["uploader"], context).decode()))
        return found


FIRST_TOKENS = TokenPair(access_token="act.1", refresh_token="rft.1")
