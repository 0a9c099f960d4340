"""The log the runtime works over, as a port: partitions, transactions, fencing. Kafka and memory implement it.

Errors:
    LogError
    ├── Doubt      a transaction's outcome is not known, or the writer was fenced: reopen from the log
    └── Unusable   the log cannot be reached or refuses us for now: try again later
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class LogError(Exception):
    """The log did not do what was asked."""


class Doubt(LogError):
    """A transaction's outcome is not known, or another owner fenced this one."""

    def __init__(self, cause: object) -> None:
        """Keep the words of what caused it."""
        super().__init__(f"the transaction's outcome is in doubt: {cause}")


class Unusable(LogError):
    """The log cannot be reached, or refuses for now."""

    def __init__(self, cause: object) -> None:
        """Keep the words of what caused it."""
        super().__init__(f"the log cannot be used for now: {cause}")


class Slice(NamedTuple):
    """One partition of one topic. A named tuple: made and hashed for every record."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as read. `value` of None is a tombstone; `time_ms` is when its producer says it was made (epoch)."""

    slice: Slice
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    time_ms: int | None = None


class Outgoing(NamedTuple):
    """A record to write."""

    slice: Slice
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Writer(Protocol):
    """A transactional writer of one name. Opening a second one of the name fences the first."""

    async def commit(self, records: Sequence[Outgoing], group_offsets: Mapping[Slice, int] | None = None) -> None:
        """Write all records and offsets as one transaction. Raises `Doubt` when that may not have happened."""

    async def close(self) -> None:
        """Let go. Bounded in time, safe after `Doubt`."""


class Reader(Protocol):
    """Reads committed records from assigned slices."""

    def assign(self, positions: Mapping[Slice, int]) -> None:
        """Read these slices from these offsets from now on, and no others."""

    async def ends(self) -> Mapping[Slice, int]:
        """Return the last stable offset of each assigned slice. Raises `Unusable`."""

    async def fetch(self, patience: float) -> Sequence[Record]:
        """Wait up to `patience` seconds for records, each slice's in order; may return none. Raises `Unusable`."""

    async def position(self, slice_: Slice) -> int:
        """Return the offset of the next record to read; control records and holes are skipped by it."""

    async def close(self) -> None:
        """Let go."""


class Log(Protocol):
    """Where records live."""

    async def writer(self, name: str) -> Writer:
        """Open the writer of this name, fencing any older one and ending what it left open. Raises `Unusable`."""

    async def reader(self, *, brisk: bool = False) -> Reader:
        """Open a reader with nothing assigned. A brisk one is for reading to an end. Raises `Unusable`."""

    def partition_of(self, key: str) -> int:
        """Return the partition number that Kafka's default partitioner (murmur2) gives this key."""

    async def reachable(self) -> bool:
        """Tell whether the log answers now. A watchdog counts no standstill while it does not."""
