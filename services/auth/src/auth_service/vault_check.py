"""Whether the vault's keys open what is in the state: asked before a worker takes part, and of every partition."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

import structlog

from auth_service.errors import VaultKeysMissing
from auth_service.machine import SERVICE, State
from auth_service.sealed_states import held_in, opens, text_of
from common.sealing import Vault, key_id_of
from common.streams.journal import Entry, Journal
from common.streams.log import Log, Reader
from common.streams.machine import Key

_PATIENCE_SECONDS = 0.03
_log = structlog.get_logger()


class KeyCheck:
    """Tries a vault on states. A key that opens one of them is right; what none opens is remembered."""

    def __init__(self, vault: Vault, *, lost: Collection[str] = ()) -> None:
        """Take the ids of keys that are known to be `lost`: what is under them does not count."""
        self._vault = vault
        self._lost = lost
        self.right: set[str] = set()
        self._closed: dict[Key, str] = {}

    @property
    def missing(self) -> Counter[str]:
        """How many of the states that were looked at do not open, by key id."""
        return Counter(key_id for key_id in self._closed.values() if key_id not in self.right)

    def look(self, key: Key, state: State | None) -> None:
        """Look at a state; a later one of the same key takes its place."""
        self._closed.pop(key, None)
        held = held_in(state)
        key_id = "" if held is None else key_id_of(text_of(held))
        if held is None or key_id in self.right or key_id in self._lost:
            return
        if opens(self._vault, key, held):
            self.right.add(key_id)
        else:
            self._closed[key] = key_id


async def check_vault(log: Log, *, partitions: int, vault: Vault, lost: Collection[str] = ()) -> None:
    """Read auth's state up to the first record that opens.

    Raises:
        VaultKeysMissing: there are sealed records, and none of them opens.
        Unusable: Kafka cannot be read now.
    """
    check = KeyCheck(vault, lost=lost)
    journals = [Journal[State](service=SERVICE, partition=number, state_type=State) for number in range(partitions)]
    reader = await log.reader(brisk=True)
    try:
        reader.assign({journal.slice: 0 for journal in journals})
        ends = await reader.ends()
        for journal in journals:
            if not check.right:
                await _look_through(reader, journal, ends[journal.slice], check)
    finally:
        await reader.close()
    if check.missing and not check.right:
        raise VaultKeysMissing(missing=check.missing)


async def _look_through(reader: Reader, journal: Journal[State], end: int, check: KeyCheck) -> None:
    # One partition after the other: most often the first records are enough.
    if not end:
        return
    reader.assign({journal.slice: 0})
    while not check.right and await reader.position(journal.slice) < end:
        for record in await reader.fetch(_PATIENCE_SECONDS):
            entry = journal.read(record)
            if isinstance(entry, Entry):
                check.look(entry.key, entry.state)


def tell_of_missing_keys(
    vault: Vault, *, lost: Collection[str] = ()
) -> Callable[[int, Iterable[tuple[Key, State]]], None]:
    """Return what looks through a partition's states and logs which keys are missing for how many of them."""

    def inspect(partition: int, states: Iterable[tuple[Key, State]]) -> None:
        check = KeyCheck(vault, lost=lost)
        for key, state in states:
            check.look(key, state)
        if missing := check.missing:
            _log.error("vault_key_missing", partition=partition, key_ids=sorted(missing), records=missing.total())

    return inspect
