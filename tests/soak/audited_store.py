"""The log of a soak, which checks every record as it is committed."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from auth_service import states
from auth_service.tenants import states as tenant_states
from auth_service.tokens.token_pairs import open_tokens
from common.contract.account import AccountConnected, AccountReauthorizationRequired, CredentialWithdrawn
from common.contract.body import Body
from common.contract.codec import decode
from common.contract.topics import ACCOUNT_EVENTS, AUTH_CREDENTIALS, Topic, state_topic
from common.security.credentials import AccessToken, AccessTokens
from common.security.sealing import Vault
from common.streams.log.memory import MemoryStore
from common.streams.log.port import OutgoingRecord
from fakes.tiktok_token_endpoint import TokenEndpoint
from harness import virtual_time

STATES = state_topic("auth").name


class AuditedStore(MemoryStore):
    """The log, with a look at every record that is committed."""

    def __init__(self, *, partitions: int, vault: Vault, endpoint: TokenEndpoint) -> None:
        super().__init__(partitions=partitions, clock=virtual_time.clock)
        self.seen: Counter[str] = Counter()
        self.refreshes: Counter[str] = Counter()
        self.reauthorization_needed: set[str] = set()
        self.credentials: dict[str, OutgoingRecord] = {}
        self._vault = vault
        self._endpoint = endpoint
        self._sealed: dict[str, str] = {}
        self._states: msgspec.json.Decoder[states.State] = msgspec.json.Decoder(states.State)

    def append(self, outgoing: OutgoingRecord, **more: object) -> None:
        """Note what is committed."""
        super().append(outgoing)
        key = (outgoing.key or b"").decode()
        match outgoing.topic_partition.topic:
            case topic if topic == STATES and not key.startswith("!"):
                self._state(key.partition("/")[0], outgoing.value or b"")
            case AUTH_CREDENTIALS.name:
                self.credentials[key] = outgoing
            case ACCOUNT_EVENTS.name:
                self._event(outgoing)
            case _:
                pass

    def compact_all(self) -> None:
        """Compact, as Kafka would: who opens a partition reads it all back."""
        for slice_ in list(self.records):
            if slice_.topic in {STATES, AUTH_CREDENTIALS.name}:
                self.compact(slice_)

    def _state(self, account_id: str, value: bytes) -> None:
        state = self._states.decode(value)
        if (
            isinstance(
                state,
                states.ReauthorizationRequired | states.Disconnected | tenant_states.Tenant | tenant_states.ApiKey,
            )
            or state.pair.version == 0
        ):
            return
        if state.pair.sealed == self._sealed.get(account_id):
            return
        self._sealed[account_id] = state.pair.sealed
        tokens = open_tokens(self._vault, state.pair, account_id=account_id)
        serial, before = int(tokens.refresh_token.rpartition(".")[2]), self._endpoint.committed.get(account_id, 0)
        if serial > 1:
            self.refreshes[account_id] += 1
        self.seen["went back"] += serial < before
        self._endpoint.committed[account_id] = serial

    def _event(self, outgoing: OutgoingRecord) -> None:
        body = decode(topic=outgoing.topic_partition.topic, value=outgoing.value or b"", headers=outgoing.headers).body
        self.seen[body.ce_type] += 1
        if isinstance(body, AccountReauthorizationRequired):
            self.reauthorization_needed.add(body.account_id)
        elif isinstance(body, AccountConnected) and body.account_id in self.reauthorization_needed:
            self.seen["healed"] += 1
            self.reauthorization_needed.remove(body.account_id)

    def withdrawn(self, account_id: str) -> bool:
        """Whether the account's credential was withdrawn."""
        return isinstance(CommittedViews(self).get(AUTH_CREDENTIALS, account_id), CredentialWithdrawn)

    def newest_in_log(self, account_id: str) -> bool:
        """Whether the newest pair TikTok made for an account is in the log."""
        return self._endpoint.committed.get(account_id) == self._endpoint.issued[account_id].serial


class CommittedViews:
    """What is committed now, as a service that keeps up would see it."""

    def __init__(self, ledger: AuditedStore) -> None:
        self._ledger = ledger

    def get(self, topic: Topic, account_id: str) -> Body | None:
        """Return the newest credential."""
        record = self._ledger.credentials.get(account_id)
        if record is None:
            return None
        return decode(topic=topic.name, value=record.value or b"", headers=record.headers).body


async def use_tokens(
    ledger: AuditedStore,
    endpoint: TokenEndpoint,
    *,
    accounts: Sequence[str],
    key: X25519PrivateKey,
    random: Random,
    every: float,
) -> None:
    """Be the services: take some account's token, and use it at TikTok, over and over (`every` so many seconds)."""
    tokens, views = AccessTokens(service="uploader", private_key=key, clock=virtual_time.clock), CommittedViews(ledger)
    while True:
        await asyncio.sleep(random.uniform(0, 2 * every))
        found = tokens.of(random.choice(accounts), views)
        if isinstance(found, AccessToken):
            ledger.seen["handed out"] += 1
            ledger.seen["expired handed out"] += not endpoint.use(found.text)
        else:
            ledger.seen["none to hand out"] += 1
