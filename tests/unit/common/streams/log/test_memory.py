"""What the log in memory does beyond the port: compaction, and waking only the readers concerned."""

import asyncio

from common.streams import TopicPartition
from common.streams.log.memory import MemoryLog, MemoryStore
from common.streams.log.port import OutgoingRecord
from harness import virtual_time

HERE, THERE = TopicPartition("test.state", 0), TopicPartition("test.state", 1)


def append(store: MemoryStore, key: bytes, value: bytes | None, topic_partition: TopicPartition = HERE) -> None:
    store.append(OutgoingRecord(topic_partition=topic_partition, key=key, value=value))


def test_memory_compaction_keeps_newest_and_offsets() -> None:
    async def main() -> None:
        store = MemoryStore(partitions=2, clock=virtual_time.clock)
        for key, value in ((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None)):
            append(store, key, value)
        store.compact(HERE)
        append(store, b"a", b"3")
        reader = await MemoryLog(store).reader()
        reader.assign({HERE: 1})
        assert dict(await reader.ends()) == {HERE: 5}
        found = await reader.fetch(1)
        assert [(record.offset, record.value) for record in found] == [(2, b"2"), (3, None), (4, b"3")]
        assert await reader.position(HERE) == 5

    virtual_time.run(main())


def test_memory_reader_wakes_only_for_its_partitions() -> None:
    async def main() -> None:
        store = MemoryStore(partitions=2, clock=virtual_time.clock)
        reader = await MemoryLog(store).reader()
        reader.assign({HERE: 0})
        reader.assign({THERE: 0})
        fetching = asyncio.create_task(reader.fetch(1))
        await asyncio.sleep(1)
        append(store, b"a", b"1", HERE)
        await asyncio.sleep(1)
        assert not fetching.done()
        append(store, b"a", b"2", THERE)
        assert [record.value for record in await fetching] == [b"2"]
        await reader.close()

    virtual_time.run(main())
