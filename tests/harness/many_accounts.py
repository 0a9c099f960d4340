"""Hundreds of accounts: connected through Kafka as auth's API does it, without a browser for each."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

import msgspec

from auth_service import service
from auth_service.states import UNNUMBERED, SealedTokenPair, State
from auth_service.tokens.token_pairs import TokenPair, open_tokens, seal_pair
from common.clock import UtcDatetime
from common.contract.account import ConnectRequested, account_id_of
from common.security.sealing import Vault
from common.streams.engine.changelog import Changelog
from common.streams.engine.restore import restore
from common.streams.log.kafka import KafkaLog
from common.streams.log.producer import EventProducer
from harness.sandbox_admin import SandboxAdmin
from stack.local import Stack
from stack.services import CLIENT_KEY
from tiktok.models import TokenResponse


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as TikTok gives them."""

    open_id: str
    scope: str
    access_token: str
    refresh_token: str
    expires_in: int
    refresh_expires_in: int

    @property
    def grant(self) -> TokenResponse:
        return TokenResponse(
            open_id=self.open_id,
            scopes=tuple(self.scope.split(",")),
            access_token=self.access_token,
            refresh_token=self.refresh_token,
            expires_in=self.expires_in,
            refresh_expires_in=self.refresh_expires_in,
        )


class ManyAccounts:
    """Many people's accounts on one stack, all of one tenant."""

    def __init__(self, stack: Stack, tiktok: SandboxAdmin) -> None:
        self._stack = stack
        self._tiktok = tiktok
        self._vault = Vault.parse(stack.keys.vault_keys)

    async def connect(self, names: Iterable[str], *, access_seconds: int) -> Mapping[str, str]:
        """Hand the worker a pair for each person; return each account's open id. Later tokens live as usual."""
        await self._tiktok.change({"lifetimes": {"access_token": access_seconds}})
        asked_at = datetime.now(UTC)
        answers = await asyncio.gather(*map(self._tiktok.tokens, names))
        await self._tiktok.change({"lifetimes": {}})
        commands = [self._command(msgspec.convert(answer, TokenAnswer).grant, asked_at) for answer in answers]
        async with EventProducer.open(bootstrap_servers=self._stack.bootstrap_servers, source="test") as producer:
            await asyncio.gather(*map(producer.produce, commands))
        return {command.account_id: command.open_id for command in commands}

    def _command(self, grant: TokenResponse, asked_at: UtcDatetime) -> ConnectRequested:
        account_id = account_id_of(CLIENT_KEY, grant.open_id)
        pair = seal_pair(self._vault, grant, account_id=account_id, version=UNNUMBERED, requested_at=asked_at)
        return ConnectRequested(
            account_id=account_id,
            tenant="crowd",
            open_id=grant.open_id,
            scopes=grant.scopes,
            sealed_tokens=pair.sealed,
            granted_at=pair.granted_at,
            access_expires_at=pair.access_expires_at,
            refresh_expires_at=pair.refresh_expires_at,
        )

    async def states(self, *, partitions: int) -> dict[str, State]:
        """Every account's state as a worker would find it that starts now: what is committed and nothing else."""
        log = KafkaLog(bootstrap_servers=self._stack.bootstrap_servers, partitions=partitions, group="test")
        found: dict[str, State] = {}
        reader = await log.reader(low_latency=True)
        try:
            for partition in range(partitions):
                journal: Changelog[State] = Changelog(service=service.NAME, partition=partition, state_type=State)
                read = partial(restore, reader=reader, changelog=journal, views=(), inputs=())
                book = (await read(progress=lambda: None)).store
                found |= {key.partition_key: state for key in list(book.keys()) if (state := book.get(key)) is not None}
        finally:
            await reader.close()
        return found

    def tokens_of(self, account_id: str, pair: SealedTokenPair) -> TokenPair:
        """Open an account's pair."""
        return open_tokens(self._vault, pair, account_id=account_id)
