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

# The sender waits this long if a transaction follows another at once. With aiokafka's 20 ms, a small one took 28 ms.
sender.BACKOFF_OVERRIDE = 0.002

RETRY_BACKOFF_MS = 10
COMMIT_SECONDS = 10.0
"""A commit without an answer for this long is in doubt."""
TRANSACTION_TIMEOUT_MS = 12_000
"""After this time the broker aborts what a dead writer left open. Until then committed readers wait for it."""
OPEN_SECONDS = 30.0
CLOSE_SECONDS = 2.0
FETCH_WAIT_MS = 500
LOW_LATENCY_FETCH_WAIT_MS = 20
"""How long the broker may hold an empty fetch. A reader that gets another assignment waits for its return first."""
FETCH_BYTES = 8 * 1024 * 1024
FETCH_RECORDS = 1000
"""Records that are unpacked without a pause. Nothing else in the process runs meanwhile."""
BATCH_BYTES = 900_000
"""Below the broker's default limit for one batch (`message.max.bytes`, 1 MiB)."""
CLIENT_ERRORS = (KafkaError, IllegalOperation, ConsumerStoppedError, OSError, TimeoutError, AssertionError)
"""What aiokafka raises for any trouble with the cluster. `IllegalOperation` is how a fenced writer's send fails."""
_POSITIVE_INT32 = 0x7FFFFFFF


class KafkaLog:
    """Opens writers and readers on one cluster. Offsets are also written to `group`, for people's lag tools."""

    def __init__(self, *, bootstrap_servers: str, partitions: int, group: str) -> None:
        self._servers = bootstrap_servers
        self._partitions = partitions
        self._group = group
        # Cached: hashing in Python is slow, and the same accounts come again and again.
        self.partition_of = lru_cache(maxsize=100_000)(self._hash)

    async def writer(self, name: str) -> "KafkaWriter":
        """Start a transactional producer, which fences the older one and aborts what it left open."""
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
            # A producer that did not start still has tasks and connections.
            await writer.close()
            raise
        return writer

    async def reader(self, *, low_latency: bool = False) -> "KafkaReader":
        """Start a consumer without a group: no rebalance ever moves its position."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            # Facts of an aborted transaction have never happened.
            isolation_level="read_committed",
            enable_auto_commit=False,
            # If retention has deleted the records at the position, those that are left are read.
            auto_offset_reset="earliest",
            retry_backoff_ms=RETRY_BACKOFF_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=LOW_LATENCY_FETCH_WAIT_MS if low_latency else FETCH_WAIT_MS,
        )
        try:
            with translated(LogUnavailable):
                async with asyncio.timeout(OPEN_SECONDS):
                    await consumer.start()
        except LogUnavailable:
            await _stop(consumer)
            raise
        # Let the consumer's own tasks begin: `stop` hangs on a task that is cancelled before its first step.
        await asyncio.sleep(0)
        return KafkaReader(consumer)

    def _hash(self, key: str) -> int:
        return int((murmur2(key.encode()) & _POSITIVE_INT32) % self._partitions)

    async def reachable(self) -> bool:
        """Return whether the cluster answers a new connection now."""
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
                # Every send is awaited before the offsets: adding them during a produce fails and costs 100 ms.
                await self._send(records)
                if group_offsets:
                    await self._producer.send_offsets_to_transaction(_positions(group_offsets), self._group)
                await self._producer.commit_transaction()

    async def _send(self, records: Sequence[OutgoingRecord]) -> None:
        by_partition = defaultdict(list)
        for record in records:
            by_partition[record.topic_partition].append(record)
        sent = [future for part, batch in by_partition.items() for future in await self._send_batches(part, batch)]
        # Gathered even if one fails: a future that is never awaited logs "exception was never retrieved".
        await asyncio.gather(*sent)

    async def _send_batches(
        self, topic_partition: TopicPartition, records: Sequence[OutgoingRecord]
    ) -> "list[asyncio.Future[object]]":
        """Send whole batches: a future for each record would cost more than the record."""
        topic, partition = topic_partition
        sent: list[asyncio.Future[object]] = []
        batch = self._producer.create_batch()
        for record in records:
            if not _append(batch, record):
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                _append(batch, record)
        sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent

    async def close(self) -> None:
        """Stop the producer. It would hang while the broker is down, so it gets two seconds."""
        await _stop(self._producer)


class KafkaReader:
    """A consumer with manual assignment."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read these partitions from these offsets."""
        self._consumer.assign([KafkaTopicPartition(*part) for part in positions])
        for part, offset in positions.items():
            self._consumer.seek(KafkaTopicPartition(*part), offset)

    async def ends(self) -> Mapping[TopicPartition, int]:
        """Return the last stable offsets: an open transaction must not keep a reader waiting for its end."""
        with translated(LogUnavailable):
            found = await self._consumer.end_offsets(list(self._consumer.assignment()))
        return {TopicPartition(part.topic, part.partition): offset for part, offset in found.items()}

    async def fetch(self, max_wait: float) -> Sequence[Record]:
        """Wait for records."""
        with translated(LogUnavailable):
            found = await self._consumer.getmany(timeout_ms=int(max_wait * 1000), max_records=FETCH_RECORDS)
        return [_record(TopicPartition(*part), raw) for part, batch in found.items() for raw in batch]

    async def position(self, topic_partition: TopicPartition) -> int:
        """Return the next offset."""
        with translated(LogUnavailable):
            return int(await self._consumer.position(KafkaTopicPartition(*topic_partition)))

    async def close(self) -> None:
        """Stop the consumer."""
        await _stop(self._consumer)


@contextmanager
def translated(into: type[TransactionInDoubt] | type[LogUnavailable]) -> Iterator[None]:
    """Raise `into` for every error that aiokafka raises.

    aiokafka raises `AssertionError` while the cluster's metadata is empty, as after a broker's restart. It also lets
    the `CancelledError` of its own internal tasks escape. A task that ends with one ends silently, so it is raised
    again only if *this* task was cancelled.
    """
    try:
        yield
    except CLIENT_ERRORS as error:
        raise into(repr(error)) from error
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        raise into(repr(error)) from error


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _append(batch: BatchBuilder, record: OutgoingRecord) -> bool:
    """Add a record and return True, or return False if the batch is full. The first record always fits."""
    headers = list(record.headers)
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=headers) is not None


def _positions(offsets: Mapping[TopicPartition, int]) -> dict[KafkaTopicPartition, int]:
    return {KafkaTopicPartition(*part): offset for part, offset in offsets.items()}


def _record(topic_partition: TopicPartition, raw: ConsumerRecord) -> Record:
    return Record(
        topic_partition=topic_partition,
        offset=raw.offset,
        key=raw.key,
        value=raw.value,
        headers=raw.headers,
        time_ms=raw.timestamp,
    )


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stop a client in bounded time. Its errors are ignored: they are about a connection that is closed anyway."""
    with suppress(LogUnavailable), translated(LogUnavailable):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.stop()
    if isinstance(client, AIOKafkaProducer):
        # While the broker is away, `stop` times out before the producer has closed its connections.
        with suppress(LogUnavailable), translated(LogUnavailable):
            async with asyncio.timeout(CLOSE_SECONDS):
                await client.client.close()
