"""The log the runtime works over, as a port: partitions, transactions, fencing. Kafka and memory implement it.

Errors:
    LogError
    ├── TransactionInDoubt  a transaction's outcome is not known, or the writer was fenced: reopen from the log
    └── LogUnavailable      the log cannot be reached or refuses us for now: try again later
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class LogError(Exception):
    """The log did not do what was asked."""


class TransactionInDoubt(LogError):
    """A transaction's outcome is not known, or another owner fenced this one."""

    def __init__(self, cause: object) -> None:
        """Keep the words of what caused it."""
        super().__init__(f"the transaction's outcome is in doubt: {cause}")


class LogUnavailable(LogError):
    """The log cannot be reached, or refuses for now."""

    def __init__(self, cause: object) -> None:
        """Keep the words of what caused it."""
        super().__init__(f"the log cannot be used for now: {cause}")


class TopicPartition(NamedTuple):
    """One partition of one topic. A named tuple: made and hashed for every record."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as read. `value` of None is a tombstone; `time_ms` is when its producer says it was made (epoch)."""

    topic_partition: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    time_ms: int | None = None


class OutgoingRecord(NamedTuple):
    """A record to write."""

    topic_partition: TopicPartition
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Writer(Protocol):
    """A transactional writer of one name. Opening a second one of the name fences the first."""

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write all records and offsets as one transaction.

        Raises `TransactionInDoubt` when that may not have happened.
        """

    async def close(self) -> None:
        """Let go. Bounded in time, safe after `TransactionInDoubt`."""


class Reader(Protocol):
    """Reads committed records from assigned slices."""

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these slices from these offsets from now on, and no others."""

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the last stable offset of each assigned slice. Raises `LogUnavailable`."""

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait up to `max_wait` seconds for records, in order within each partition; may return none.

        Raises `LogUnavailable`.
        """

    async def position(self, slice_: TopicPartition) -> int:
        """Return the offset of the next record to read; control records and holes are skipped by it."""

    async def close(self) -> None:
        """Let go."""


class Log(Protocol):
    """Where records live."""

    async def writer(self, name: str) -> Writer:
        """Open the writer of this name, fencing any older one and ending what it left open. Raises `LogUnavailable`."""

    async def reader(self, *, low_latency: bool = False) -> Reader:
        """Open a reader with nothing assigned. A low_latency one is for reading to an end. Raises `LogUnavailable`."""

    def partition_of(self, key: str) -> int:
        """Return the partition number that Kafka's default partitioner (murmur2) gives this key."""

    async def reachable(self) -> bool:
        """Tell whether the log answers now. A watchdog counts no standstill while it does not."""


class Membership(Protocol):
    """Tells which partition numbers are this process's own."""

    @property
    def session_seconds(self) -> float:
        """How long the group waits for a silent member before its partitions move."""

    @property
    def numbers(self) -> frozenset[int]:
        """The partition numbers owned now."""

    async def changed(self) -> None:
        """Wait until `numbers` may have changed since the last call. Raises `DuplicateInstance`, `RemovedFromGroup`."""
