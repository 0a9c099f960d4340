"""The log on Apache Kafka (aiokafka). What is unusual here answers something seen on a real broker."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka import TopicPartition as KafkaTopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalOperation, KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder

from common.streams.log.port import LogUnavailable, OutgoingRecord, Record, TopicPartition, TransactionInDoubt

# The sender waits this long when a transaction follows another at once: 20 of the 28 ms a small one took.
sender.BACKOFF_OVERRIDE = 0.002

RETRY_BACKOFF_MS = 10
COMMIT_SECONDS = 10.0
"""A commit without an answer for this long is in doubt."""
TRANSACTION_TIMEOUT_MS = 12_000
"""After this the broker ends what a dead writer left open; until then it holds back committed readers."""
OPEN_SECONDS = 30.0
CLOSE_SECONDS = 2.0
PATIENT_WAIT_MS = 500
BRISK_WAIT_MS = 20
"""How long the broker may hold an empty fetch. A reader that is moved elsewhere waits for it to come back first."""
FETCH_BYTES = 8 * 1024 * 1024
FETCH_RECORDS = 1000
"""Unpacked in one go, which nothing else in the process gets a turn in."""
BATCH_BYTES = 900_000
"""Below the broker's default limit for one batch (`message.max.bytes`, 1 MiB)."""
FOREIGN = (KafkaError, IllegalOperation, ConsumerStoppedError, OSError, TimeoutError, AssertionError)
"""What aiokafka raises for anything to do with the cluster; a writer that is fenced as it sends is told the second."""
_INT32 = 0x7FFFFFFF


class KafkaLog:
    """Opens writers and readers on one cluster. `group` is where offsets are shown to people's lag tools."""

    def __init__(self, *, bootstrap_servers: str, partitions: int, group: str) -> None:
        self._servers = bootstrap_servers
        self._partitions = partitions
        self._group = group
        self.partition_of = lru_cache(maxsize=100_000)(self._hash)

    async def writer(self, name: str) -> "KafkaWriter":
        """Start a transactional producer: fences the older one and aborts what it left open."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            transactional_id=name,
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_batch_size=BATCH_BYTES,
        )
        writer = KafkaWriter(producer, self._group)
        try:
            with translated(LogUnavailable):
                async with asyncio.timeout(OPEN_SECONDS):
                    await producer.start()
        except LogUnavailable:
            await writer.close()
            raise
        return writer

    async def reader(self, *, low_latency: bool = False) -> "KafkaReader":
        """Start a consumer without a group: nothing but its owner ever moves its position."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=BRISK_WAIT_MS if low_latency else PATIENT_WAIT_MS,
        )
        try:
            with translated(LogUnavailable):
                async with asyncio.timeout(OPEN_SECONDS):
                    await consumer.start()
        except LogUnavailable:
            await _stop(consumer)
            raise
        # Its tasks must have begun before it can be stopped: stop gives up at one that was cancelled before that.
        await asyncio.sleep(0)
        return KafkaReader(consumer)

    def _hash(self, key: str) -> int:
        return int((murmur2(key.encode()) & _INT32) % self._partitions)

    async def reachable(self) -> bool:
        """Tell whether the cluster answers a new connection now."""
        try:
            reader = await self.reader()
        except LogUnavailable:
            return False
        await reader.close()
        return True


class KafkaWriter:
    """One transactional producer."""

    def __init__(self, producer: AIOKafkaProducer, group: str) -> None:
        self._producer = producer
        self._group = group

    async def commit(
        self, records: Sequence[OutgoingRecord], group_offsets: Mapping[TopicPartition, int] | None = None
    ) -> None:
        """Write one transaction. Raises `TransactionInDoubt` on any error, and after 10 s without an answer."""
        with translated(TransactionInDoubt):
            async with asyncio.timeout(COMMIT_SECONDS):
                await self._producer.begin_transaction()
                # Every send is awaited before the offsets: adding them while a produce is in flight costs 100 ms.
                await self._send(records)
                if group_offsets:
                    await self._producer.send_offsets_to_transaction(_positions(group_offsets), self._group)
                await self._producer.commit_transaction()

    async def _send(self, records: Sequence[OutgoingRecord]) -> None:
        slices = defaultdict(list)
        for record in records:
            slices[record.topic_partition].append(record)
        sent = [future for slice_, batch in slices.items() for future in await self._send_slice(slice_, batch)]
        # Gathered even where one fails: aiokafka complains of futures that nobody looked at.
        await asyncio.gather(*sent)

    async def _send_slice(
        self, slice_: TopicPartition, records: Sequence[OutgoingRecord]
    ) -> "list[asyncio.Future[object]]":
        """Send whole batches: a future for each record would cost more than the record."""
        sent: list[asyncio.Future[object]] = []
        batch = self._producer.create_batch()
        for record in records:
            if not _append(batch, record):
                sent.append(await self._producer.send_batch(batch, slice_.topic, partition=slice_.partition))
                batch = self._producer.create_batch()
                _append(batch, record)
        sent.append(await self._producer.send_batch(batch, slice_.topic, partition=slice_.partition))
        return sent

    async def close(self) -> None:
        """Stop the producer; it hangs while the broker is down, so it gets two seconds."""
        await _stop(self._producer)


class KafkaReader:
    """A consumer with manual assignment."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these slices from these offsets."""
        self._consumer.assign([KafkaTopicPartition(slice_.topic, slice_.partition) for slice_ in positions])
        for slice_, offset in positions.items():
            self._consumer.seek(KafkaTopicPartition(slice_.topic, slice_.partition), offset)

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Ask for the last stable offsets: an open transaction must not keep a reader waiting for its end."""
        with translated(LogUnavailable):
            found = await self._consumer.end_offsets(list(self._consumer.assignment()))
        return {TopicPartition(part.topic, part.partition): offset for part, offset in found.items()}

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait for records."""
        with translated(LogUnavailable):
            found = await self._consumer.getmany(timeout_ms=int(max_wait * 1000), max_records=FETCH_RECORDS)
        return [_record(TopicPartition(*part), raw) for part, batch in found.items() for raw in batch]

    async def position(self, slice_: TopicPartition) -> int:
        """Return the next offset."""
        with translated(LogUnavailable):
            return int(await self._consumer.position(KafkaTopicPartition(slice_.topic, slice_.partition)))

    async def close(self) -> None:
        """Stop the consumer."""
        await _stop(self._consumer)


@contextmanager
def translated(into: type[TransactionInDoubt] | type[LogUnavailable]) -> Iterator[None]:
    """Turn whatever aiokafka raises into a word of the log's own.

    It asserts what it takes for granted, such as that some broker is known: one that has just come back names none.
    And it cancels its own tasks and waits for them, which looks to its caller as if the caller had been cancelled; a
    task that ends so ends in silence.
    """
    try:
        yield
    except FOREIGN as error:
        raise into(repr(error)) from error
    except asyncio.CancelledError as error:
        if _cancelled_by_others():
            raise
        raise into(repr(error)) from error


def _cancelled_by_others() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _append(batch: BatchBuilder, record: OutgoingRecord) -> bool:
    """Add a record unless the batch is full. The first record of a batch always fits."""
    headers = list(record.headers)
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None


def _positions(offsets: Mapping[TopicPartition, int]) -> dict[KafkaTopicPartition, int]:
    return {KafkaTopicPartition(slice_.topic, slice_.partition): offset for slice_, offset in offsets.items()}


def _record(slice_: TopicPartition, raw: ConsumerRecord) -> Record:
    return Record(
        topic_partition=slice_,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=raw.headers,
        time_ms=raw.timestamp,
    )


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop a client in bounded time. What it still complains of is about a connection we are done with."""
    with suppress(LogUnavailable), translated(LogUnavailable):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.stop()
    if isinstance(client, AIOKafkaProducer):
        # A producer whose broker is away does not get as far as closing its connections.
        with suppress(LogUnavailable), translated(LogUnavailable):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.client.close()
