"""The log that the runtime works over, as a port: partitions, transactions, fencing, and who owns a partition.

Kafka and memory implement it. One suite of tests, `tests/contracts/log`, holds both to these promises.

Errors:
    LogError
    ├── TransactionInDoubt  a transaction may have been written or not, or the writer was fenced: reopen from the log
    └── LogUnavailable      the log cannot be reached or refuses for now: try again later
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class LogError(Exception):
    """The log did not do what was asked."""


class TransactionInDoubt(LogError):
    """A transaction may have been written or not, or another owner fenced this one."""

    def __init__(self, cause: object) -> None:
        """Keep the text of the cause."""
        super().__init__(f"it is not known whether the transaction was committed: {cause}")


class LogUnavailable(LogError):
    """The log cannot be reached, or refuses for now."""

    def __init__(self, cause: object) -> None:
        """Keep the text of the cause."""
        super().__init__(f"the log cannot be used for now: {cause}")


class TopicPartition(NamedTuple):
    """One partition of one topic. A named tuple, because one is made and hashed for every record."""

    topic: str
    partition: int


class Record(NamedTuple):
    """A record as it was read.

    `value` is None for a tombstone, which deletes the key. `time_ms` is when its producer says that it made the
    record, in milliseconds since 1970.
    """

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
    """A transactional writer of one name. Opening a second writer of the name fences the first."""

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write all records and offsets as one transaction.

        Raises `TransactionInDoubt` if that may not have happened. The writer is of no use afterwards.
        """

    async def close(self) -> None:
        """Close the connection. Takes bounded time, and is safe after `TransactionInDoubt`."""


class Reader(Protocol):
    """Reads committed records from assigned partitions. Only its owner moves its positions."""

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets from now on, and no others."""

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the last stable offset of each assigned partition. Raises `LogUnavailable`.

        It is the offset before which every transaction has ended: an open one must not keep a reader waiting.
        """

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait up to `max_wait` seconds for records, in order within each partition. Raises `LogUnavailable`.

        An empty answer does not mean that the end is reached.
        """

    async def position(self, topic_partition: TopicPartition) -> int:
        """Return the offset of the next record to read.

        It skips control records and offsets that compaction removed, so it reaches the end where records do not.
        """

    async def close(self) -> None:
        """Close the connection. Takes bounded time."""


class Log(Protocol):
    """Where records are written and read."""

    async def writer(self, name: str) -> Writer:
        """Open the writer of this name, fence an older one and abort what it left open. Raises `LogUnavailable`."""

    async def reader(self, *, low_latency: bool = False) -> Reader:
        """Open a reader without a partition. `low_latency` is for reading to an end. Raises `LogUnavailable`."""

    def partition_of(self, key: str) -> int:
        """Return the partition number that Kafka's default partitioner (murmur2) gives this key."""

    async def reachable(self) -> bool:
        """Return whether the log answers now. The watchdog counts no stall while it does not."""


class Membership(Protocol):
    """Knows which partition numbers this process owns."""

    @property
    def session_seconds(self) -> float:
        """How long the group waits for a silent member before its partitions move to other members."""

    @property
    def numbers(self) -> frozenset[int]:
        """The partition numbers owned now."""

    async def changed(self) -> None:
        """Wait until `numbers` may have changed since the last call. Raises `DuplicateInstance`, `RemovedFromGroup`."""
