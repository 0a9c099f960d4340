"""Checks that the vault's keys open the sealed records of the state: before a worker joins, and of each partition."""

from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Collection

import structlog

from auth_service import service, states
from auth_service.errors import VaultKeysMissing
from auth_service.states import State
from auth_service.tokens.sealed_items import can_open, sealed_item_of, sealed_text
from common.security.sealing import Vault, key_id_of
from common.streams import Log, Reader, Record, StateKey
from common.streams.runtime import Changelog, StateRecord, read_to_end

_log = structlog.get_logger()


class KeyCheck:
    """Tries a vault on states. A key that opens one record is right; key ids that open none are counted."""

    def __init__(self, vault: Vault, *, lost: Collection[str] = ()) -> None:
        """Take the ids of keys that are known to be `lost`: what is under them does not count."""
        self._vault = vault
        self._lost = lost
        self.right: set[str] = set()
        self._closed: Counter[str] = Counter()

    @property
    def missing(self) -> Counter[str]:
        """How many of the states that were looked at do not open, by key id."""
        return Counter({key_id: count for key_id, count in self._closed.items() if key_id not in self.right})

    def try_state(self, key: StateKey, state: states.State | None) -> None:
        """Try to open what a state keeps sealed. Call it once for each state."""
        item = sealed_item_of(state)
        key_id = "" if item is None else key_id_of(sealed_text(item))
        if item is None or key_id in self.right or key_id in self._lost:
            return
        if can_open(self._vault, key, item):
            self.right.add(key_id)
        else:
            self._closed[key_id] += 1


async def check_vault(log: Log, *, partitions: int, vault: Vault, lost: Collection[str] = ()) -> None:
    """Read auth's state, one partition after the other, up to one with a record that opens: most often the first.

    Raises:
        VaultKeysMissing: there are sealed records, and none of them opens.
        LogUnavailable: Kafka cannot be read now.
    """
    check = KeyCheck(vault, lost=lost)
    reader = await log.reader(low_latency=True)
    try:
        for number in range(partitions):
            for key, state in (await _states(reader, number)).items():
                check.try_state(key, state)
            # One record that opens proves the keys well enough to start. Missing keys are logged for each partition
            # later.
            if check.right:
                return
    finally:
        await reader.close()
    if check.missing:
        raise VaultKeysMissing(missing=check.missing)


async def _states(reader: Reader, number: int) -> dict[StateKey, states.State | None]:
    # Whole, since a record that was replaced proves nothing: it may be under a key of long ago.
    journal = Changelog[states.State](service=service.NAME, partition=number, state_type=states.State)
    found: dict[StateKey, states.State | None] = {}

    def take(record: Record) -> None:
        entry = journal.read(record)
        if isinstance(entry, StateRecord):
            found[entry.key] = entry.state

    await read_to_end(reader, {journal.topic_partition: 0}, take, lambda: None)
    return found


def log_missing_keys(
    vault: Vault, *, lost: Collection[str] = ()
) -> Callable[[int, AsyncIterable[tuple[StateKey, State]]], Awaitable[None]]:
    """Return what looks through a partition's states and logs which keys are missing for how many of them."""

    async def inspect(partition: int, states: AsyncIterable[tuple[StateKey, State]]) -> None:
        check = KeyCheck(vault, lost=lost)
        async for key, state in states:
            check.try_state(key, state)
        if missing := check.missing:
            _log.error("vault_key_missing", partition=partition, key_ids=sorted(missing), records=missing.total())

    return inspect
