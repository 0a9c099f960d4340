"""A log in memory with Kafka's promises: transactions, fencing, committed reads. For tests and the simulation."""

import asyncio
import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Protocol
from zlib import crc32

from common.clock import Clock
from common.streams.log.port import OutgoingRecord, Record, TopicPartition, TransactionInDoubt

_offset_of = attrgetter("offset")


class FaultInjector(Protocol):
    """Injects faults around each call to the log. A hook may wait, raise, or never return."""

    async def before(self, step: str) -> None:
        """Run before `step` takes effect: an exception here means that it did not happen."""

    async def after(self, step: str) -> None:
        """Run after `step` took effect: an exception here means that it happened and its caller does not know."""


class NoFaults:
    """Injects no faults."""

    async def before(self, step: str) -> None:
        """Do nothing."""
        del step

    async def after(self, step: str) -> None:
        """Do nothing."""
        del step


class MemoryStore:
    """The records of all topics, as a broker holds them. Every `MemoryLog` of one test shares it."""

    def __init__(self, *, partitions: int, clock: Clock) -> None:
        self.partitions = partitions
        self.clock = clock
        self.records: dict[TopicPartition, list[Record]] = {}
        self.epochs: dict[str, int] = {}
        self._grown: dict[TopicPartition, list[asyncio.Event]] = {}

    def append(self, outgoing: OutgoingRecord, *, at: datetime | None = None) -> None:
        """Add a committed record."""
        log = self.records.setdefault(outgoing.topic_partition, [])
        log.append(
            Record(
                topic_partition=outgoing.topic_partition,
                offset=self.end(outgoing.topic_partition),
                key=outgoing.key,
                value=outgoing.value,
                headers=outgoing.headers,
                time_ms=int((at or self.clock()).timestamp() * 1000),
            )
        )
        for event in self._grown.get(outgoing.topic_partition, ()):
            event.set()

    def end(self, topic_partition: TopicPartition) -> int:
        """Return the offset that the next record will have."""
        log = self.records.get(topic_partition)
        return log[-1].offset + 1 if log else 0

    def read(self, topic_partition: TopicPartition, position: int) -> Sequence[Record]:
        """Return the records from this offset on."""
        log = self.records.get(topic_partition, [])
        return log[bisect_left(log, position, key=_offset_of) :]

    def compact(self, topic_partition: TopicPartition) -> None:
        """Keep only the newest record of each key, as Kafka does from time to time with a compacted topic."""
        log = self.records.get(topic_partition, [])
        newest = {record.key: record.offset for record in log}
        # Offsets stay as they are, with holes, as in Kafka.
        self.records[topic_partition] = [record for record in log if newest[record.key] == record.offset]

    def watch(self, partitions: Iterable[TopicPartition], event: asyncio.Event) -> None:
        """Set this event whenever a record is added to one of these partitions."""
        for partition in partitions:
            self._grown.setdefault(partition, []).append(event)

    def unwatch(self, partitions: Iterable[TopicPartition], event: asyncio.Event) -> None:
        """Stop setting this event for these partitions."""
        for partition in partitions:
            self._grown[partition].remove(event)


class MemoryLog:
    """One process's connection to the store, with the faults that this process meets."""

    def __init__(self, store: MemoryStore, faults: FaultInjector | None = None) -> None:
        self._store = store
        self._faults = faults or NoFaults()

    async def writer(self, name: str) -> "MemoryWriter":
        """Open the writer of this name. The older one's commits fail from now on."""
        await self._faults.before("open writer")
        # As in Kafka: a writer with an older epoch is fenced.
        epoch = self._store.epochs.get(name, 0) + 1
        self._store.epochs[name] = epoch
        await self._faults.after("open writer")
        return MemoryWriter(self._store, self._faults, name, epoch)

    async def reader(self, *, low_latency: bool = False) -> "MemoryReader":
        """Open a reader with nothing assigned."""
        del low_latency
        await self._faults.before("open reader")
        return MemoryReader(self._store, self._faults)

    def partition_of(self, key: str) -> int:
        """Return the partition of a key. Not murmur2, because no foreign producer writes here."""
        return crc32(key.encode()) % self._store.partitions

    async def reachable(self) -> bool:
        """Return True: memory always answers."""
        return True


class MemoryWriter:
    """A transactional writer: all records at once, or none."""

    def __init__(self, store: MemoryStore, faults: FaultInjector, name: str, epoch: int) -> None:
        self._store = store
        self._faults = faults
        self._name = name
        self._epoch = epoch

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write all records. Raises `TransactionInDoubt` when fenced."""
        del group_offsets
        await self._faults.before("commit")
        if self._store.epochs[self._name] != self._epoch:
            cause = f"{self._name} was opened again"
            raise TransactionInDoubt(cause)
        for record in records:
            self._store.append(record)
        await self._faults.after("commit")

    async def close(self) -> None:
        """Do nothing: no connection is open."""


class MemoryReader:
    """Reads committed records."""

    def __init__(self, store: MemoryStore, faults: FaultInjector) -> None:
        self._store = store
        self._faults = faults
        self._positions: dict[TopicPartition, int] = {}
        self._grown = asyncio.Event()

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets."""
        self._store.unwatch(self._positions, self._grown)
        self._positions = dict(positions)
        self._store.watch(self._positions, self._grown)
        # A reader that waits must look at its new partitions.
        self._grown.set()

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the end of each assigned partition."""
        await self._faults.before("ends")
        return {partition: self._store.end(partition) for partition in self._positions}

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait for records without a limit: the store wakes its readers, so that virtual time has no timer here."""
        del max_wait
        while not (found := self._available()):
            self._grown.clear()
            await self._grown.wait()
        await self._faults.before("fetch")
        for record in found:
            self._positions[record.topic_partition] = record.offset + 1
        return found

    def _available(self) -> list[Record]:
        return [record for part, position in self._positions.items() for record in self._store.read(part, position)]

    async def position(self, topic_partition: TopicPartition) -> int:
        """Return the next offset."""
        return self._positions[topic_partition]

    async def close(self) -> None:
        """Stop watching."""
        self._store.unwatch(self._positions, self._grown)
        self._positions = {}


class FixedMembership:
    """A membership that never changes, for tests and benchmarks."""

    session_seconds = math.inf

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = frozenset(numbers)
        self._reported = False

    async def changed(self) -> None:
        """Return once, then never again."""
        if self._reported:
            await asyncio.Event().wait()
        self._reported = True
