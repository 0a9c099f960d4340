"""The promises of the log that the runtime relies on, checked for Kafka and for the log in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiokafka import AIOKafkaProducer

from common.clock import system_clock
from common.streams import Log, Reader, Record, TopicPartition
from common.streams.log.kafka import FETCH_RECORDS, KafkaLog
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord, TransactionInDoubt, Writer

PATIENCE = 0.2


@pytest.fixture(params=["memory", "kafka"])
async def log(request: pytest.FixtureRequest) -> Log:
    if request.param == "memory":
        return MemoryLog(MemoryStore(partitions=2, clock=system_clock))
    servers = request.getfixturevalue("kafka")
    return KafkaLog(bootstrap_servers=servers, partitions=2, group="contract")


@pytest.fixture
async def topic(make_topic: Callable[..., Awaitable[str]]) -> str:
    return await make_topic(partitions=2, compacted=True)


@pytest.fixture
async def reader(log: Log) -> AsyncIterator[Reader]:
    reader = await log.reader()
    yield reader
    await reader.close()


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    return unique("writer")


async def settle(log: Log, name: str, writer: Writer) -> None:
    """Open the name once more, as a task does before it reads: the marks of a commit come after its answer."""
    await writer.close()
    await (await log.writer(name)).close()


def records_for(topic: str, *values: str, partition: int = 0) -> list[OutgoingRecord]:
    return [
        OutgoingRecord(topic_partition=TopicPartition(topic, partition), key=b"k", value=value.encode())
        for value in values
    ]


async def read_to_end(reader: Reader) -> list[Record]:
    found: list[Record] = []
    ends = await reader.ends()
    while [slice_ for slice_, end in ends.items() if await reader.position(slice_) < end]:
        found += await reader.fetch(PATIENCE)
    return found


def values(records: list[Record]) -> list[bytes | None]:
    return [record.value for record in records]


@pytest.mark.parametrize("count", [FETCH_RECORDS, 2 * FETCH_RECORDS + 1])
async def test_long_partition_is_read_completely(log: Log, topic: str, reader: Reader, name: str, count: int) -> None:
    writer = await log.writer(name)
    numbers = [str(number) for number in range(count)]
    await writer.commit(records_for(topic, *numbers))
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 0})
    assert values(await read_to_end(reader)) == [number.encode() for number in numbers]


async def test_committed_records_are_read_in_order_with_headers(
    log: Log, topic: str, reader: Reader, name: str
) -> None:
    writer = await log.writer(name)
    headers = (("traceparent", b"00-1"), ("other", b""))
    await writer.commit(
        [
            OutgoingRecord(topic_partition=TopicPartition(topic, 0), key=b"a", value=b"1", headers=headers),
            OutgoingRecord(topic_partition=TopicPartition(topic, 0), key=b"a", value=None),
        ]
    )
    await writer.commit(records_for(topic, "2"))
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 0})
    found = await read_to_end(reader)
    assert values(found) == [b"1", None, b"2"]
    assert tuple(found[0].headers) == headers
    assert [record.key for record in found] == [b"a", b"a", b"k"]
    assert found[0].time_ms is not None


async def test_one_transaction_writes_to_many_partitions(log: Log, topic: str, reader: Reader, name: str) -> None:
    writer = await log.writer(name)
    await writer.commit([*records_for(topic, "1"), *records_for(topic, "2", partition=1), *records_for(topic, "3")])
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 0, TopicPartition(topic, 1): 0})
    found = await read_to_end(reader)
    assert sorted((record.topic_partition.partition, record.value) for record in found) == [
        (0, b"1"),
        (0, b"3"),
        (1, b"2"),
    ]


async def test_second_writer_with_the_name_fences_the_first(log: Log, topic: str, reader: Reader, name: str) -> None:
    first = await log.writer(name)
    await first.commit(records_for(topic, "1"))
    second = await log.writer(name)
    with pytest.raises(TransactionInDoubt):
        await first.commit(records_for(topic, "never"))
    await second.commit(records_for(topic, "2"))
    await first.close()
    await settle(log, name, second)
    reader.assign({TopicPartition(topic, 0): 0})
    assert values(await read_to_end(reader)) == [b"1", b"2"]


async def test_reader_starts_at_the_offset_and_can_be_moved(log: Log, topic: str, reader: Reader, name: str) -> None:
    writer = await log.writer(name)
    await writer.commit(records_for(topic, "1", "2", "3"))
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 1})
    assert values(await read_to_end(reader)) == [b"2", b"3"]
    reader.assign({TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 0})
    assert values(await read_to_end(reader)) == [b"3"]


async def test_empty_partition_is_at_its_end(log: Log, topic: str, reader: Reader) -> None:
    reader.assign({TopicPartition(topic, 1): 0})
    assert await read_to_end(reader) == []


async def test_group_offsets_are_committed_with_the_transaction(
    log: Log, topic: str, reader: Reader, name: str
) -> None:
    writer = await log.writer(name)
    await writer.commit(records_for(topic, "1"), {TopicPartition(topic, 0): 1})
    await writer.commit(records_for(topic, "2"), {TopicPartition(topic, 0): 2})
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 0})
    assert values(await read_to_end(reader)) == [b"1", b"2"]


async def test_transaction_larger_than_a_batch_is_complete(log: Log, topic: str, reader: Reader, name: str) -> None:
    writer = await log.writer(name)
    await writer.commit(records_for(topic, *("x" * 300_000 for _ in range(7)), "end"))
    await settle(log, name, writer)
    reader.assign({TopicPartition(topic, 0): 0})
    assert [len(record.value or b"") for record in await read_to_end(reader)] == [300_000] * 7 + [3]


async def test_reachable_log_reports_itself_reachable(log: Log) -> None:
    assert await log.reachable()


async def test_new_writer_aborts_a_dead_ones_transaction(kafka: str, topic: str, name: str) -> None:
    log = KafkaLog(bootstrap_servers=kafka, partitions=2, group="contract")
    dead = await log.writer(name)
    await dead._producer.begin_transaction()
    await dead._producer.send_and_wait(topic, b"never", key=b"k", partition=0)
    writer = await log.writer(name)
    await writer.commit(records_for(topic, "1"))
    await settle(log, name, writer)
    reader = await log.reader()
    reader.assign({TopicPartition(topic, 0): 0})
    assert values(await read_to_end(reader)) == [b"1"]
    await reader.close()
    await dead.close()


async def test_open_transaction_does_not_block_a_reader(kafka: str, topic: str, name: str) -> None:
    log = KafkaLog(bootstrap_servers=kafka, partitions=2, group="contract")
    foreign = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=name)
    await foreign.start()
    async with foreign.transaction():
        await foreign.send_and_wait(topic, b"1", key=b"k", partition=0)
    await foreign.begin_transaction()
    await foreign.send_and_wait(topic, b"open", key=b"k", partition=0)
    reader = await log.reader()
    reader.assign({TopicPartition(topic, 0): 0})
    assert values(await read_to_end(reader)) == [b"1"]
    await reader.close()
    await foreign.abort_transaction()
    await foreign.stop()


def test_keys_are_partitioned_as_kafka_does() -> None:
    log = KafkaLog(bootstrap_servers="127.0.0.1:1", partitions=24, group="g")
    # Reference values of murmur2 from Kafka's own tests (org.apache.kafka.common.utils.UtilsTest).
    for text, hashed in {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}.items():
        assert log.partition_of(text) == (hashed & 0x7FFFFFFF) % 24
