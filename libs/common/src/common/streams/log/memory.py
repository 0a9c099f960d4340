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
    """What may happen around a call to the log. Each hook may wait, raise, or never come back."""

    async def before(self, step: str) -> None:
        """Stand in the way before `step` takes effect."""

    async def after(self, step: str) -> None:
        """Stand in the way after `step` took effect and before its caller learns of it."""


class NoFaults:
    """Nothing happens."""

    async def before(self, step: str) -> None:
        """Let it pass."""
        del step

    async def after(self, step: str) -> None:
        """Let it pass."""
        del step


class MemoryStore:
    """The records, shared by every `MemoryLog` of one test: what a broker would hold."""

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

    def end(self, slice_: TopicPartition) -> int:
        """Return the offset that the next record will have."""
        log = self.records.get(slice_)
        return log[-1].offset + 1 if log else 0

    def read(self, slice_: TopicPartition, position: int) -> Sequence[Record]:
        """Return the records from this offset on."""
        log = self.records.get(slice_, [])
        return log[bisect_left(log, position, key=_offset_of) :]

    def compact(self, slice_: TopicPartition) -> None:
        """Keep the newest record of each key, as Kafka does now and then with a compacted topic."""
        log = self.records.get(slice_, [])
        newest = {record.key: record.offset for record in log}
        self.records[slice_] = [record for record in log if newest[record.key] == record.offset]

    def watch(self, slices: Iterable[TopicPartition], event: asyncio.Event) -> None:
        """Set this event whenever records come to one of these."""
        for slice_ in slices:
            self._grown.setdefault(slice_, []).append(event)

    def unwatch(self, slices: Iterable[TopicPartition], event: asyncio.Event) -> None:
        """Stop setting this event for these."""
        for slice_ in slices:
            self._grown[slice_].remove(event)


class MemoryLog:
    """One process's connection to the store, with the weather that process has."""

    def __init__(self, store: MemoryStore, weather: FaultInjector | None = None) -> None:
        self._store = store
        self._weather = weather or NoFaults()

    async def writer(self, name: str) -> "MemoryWriter":
        """Open the writer of this name; the older one's commits fail from now on."""
        await self._weather.before("open writer")
        epoch = self._store.epochs.get(name, 0) + 1
        self._store.epochs[name] = epoch
        await self._weather.after("open writer")
        return MemoryWriter(self._store, self._weather, name, epoch)

    async def reader(self, *, low_latency: bool = False) -> "MemoryReader":
        """Open a reader with nothing assigned."""
        del low_latency
        await self._weather.before("open reader")
        return MemoryReader(self._store, self._weather)

    def partition_of(self, key: str) -> int:
        """Return this log's own partition of a key. Not murmur2: nothing outside writes here."""
        return crc32(key.encode()) % self._store.partitions

    async def reachable(self) -> bool:
        """Memory always is."""
        return True


class MemoryWriter:
    """A transactional writer: all records at one instant, or none."""

    def __init__(self, store: MemoryStore, weather: FaultInjector, name: str, epoch: int) -> None:
        self._store = store
        self._weather = weather
        self._name = name
        self._epoch = epoch

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write all records. Raises `TransactionInDoubt` when fenced."""
        del group_offsets
        await self._weather.before("commit")
        if self._store.epochs[self._name] != self._epoch:
            cause = f"{self._name} was opened again"
            raise TransactionInDoubt(cause)
        for record in records:
            self._store.append(record)
        await self._weather.after("commit")

    async def close(self) -> None:
        """Nothing is held."""


class MemoryReader:
    """Reads committed records."""

    def __init__(self, store: MemoryStore, weather: FaultInjector) -> None:
        self._store = store
        self._weather = weather
        self._positions: dict[TopicPartition, int] = {}
        self._grown = asyncio.Event()

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these slices from these offsets."""
        self._store.unwatch(self._positions, self._grown)
        self._positions = dict(positions)
        self._store.watch(self._positions, self._grown)
        self._grown.set()

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the end of each assigned slice."""
        await self._weather.before("ends")
        return {slice_: self._store.end(slice_) for slice_ in self._positions}

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait for records, however long it takes: memory wakes whoever waits."""
        del max_wait
        while not (found := self._available()):
            self._grown.clear()
            await self._grown.wait()
        await self._weather.before("fetch")
        for record in found:
            self._positions[record.topic_partition] = record.offset + 1
        return found

    def _available(self) -> list[Record]:
        return [record for slice_, position in self._positions.items() for record in self._store.read(slice_, position)]

    async def position(self, slice_: TopicPartition) -> int:
        """Return the next offset."""
        return self._positions[slice_]

    async def close(self) -> None:
        """Stop watching."""
        self._store.unwatch(self._positions, self._grown)
        self._positions = {}


class FixedMembership:
    """Owns the same numbers for ever: for tests, and for processes that are told what is theirs."""

    session_seconds = math.inf

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = frozenset(numbers)
        self._told = False

    async def changed(self) -> None:
        """Report once."""
        if self._told:
            await asyncio.Event().wait()
        self._told = True
