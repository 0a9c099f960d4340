"""Everything that a running stack writes: logs, metrics, records, documents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from bson import encode
from pymongo import MongoClient

from e2e.canaries.search import Output
from stack.local import Stack

READ_WITHIN = 60.0
# The sandbox hands these secrets out, so its log may hold them.
NOT_OURS = ("sandbox.log",)


async def collect_outputs(stack: Stack) -> list[Output]:
    """Read all logs, topics and documents now."""
    documents = await asyncio.to_thread(_documents, stack.mongodb_url)
    return [*_logs(stack.folder / "logs"), *await _topics(stack.bootstrap_servers), *documents]


async def collect_metrics(stack: Stack) -> list[Output]:
    """Ask every service that answers for its metrics."""
    async with httpx.AsyncClient(trust_env=False) as web:
        found = []
        for name, url in stack.urls.items():
            try:
                answer = await web.get(f"{url}/metrics")
            except httpx.TransportError:
                continue
            found.append(Output(name=f"metrics {name}", content=answer.content, records=answer.text.count("\n")))
    return found


def _logs(folder: Path) -> list[Output]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.name not in NOT_OURS:
            content = path.read_bytes()
            found.append(Output(name=f"log {path.name}", content=content, records=content.count(b"\n")))
    return found


async def _topics(servers: str) -> list[Output]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        names = await admin.list_topics()
    finally:
        await admin.close()
    async with _consumer(servers) as consumer:
        return [await _topic(consumer, name) for name in sorted(names)]


@asynccontextmanager
async def _consumer(servers: str) -> "AsyncIterator[AIOKafkaConsumer[bytes, bytes]]":
    # Uncommitted, because aborted records are on the brokers' disks, too.
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_uncommitted", group_id=None)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _topic(consumer: Any, name: str) -> Output:
    """Every record: its key, its value, the names and the contents of its headers."""
    partitions = [TopicPartition(name, number) for number in await _partitions(consumer, name)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    parts: list[bytes] = []
    count = 0
    async with asyncio.timeout(READ_WITHIN):
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    count += 1
                    headers = (piece for header, value in record.headers for piece in (header.encode(), value or b""))
                    parts += (record.key or b"", record.value or b"", *headers)
    return Output(name=f"topic {name}", content=b"\n".join(parts), records=count)


async def _partitions(consumer: Any, name: str) -> set[int]:
    # aiokafka knows a topic's partitions once it has been asked for the topic.
    await consumer._client._wait_on_metadata(name)
    found: set[int] = consumer.partitions_for_topic(name)
    return found


def _documents(url: str) -> list[Output]:
    with MongoClient[dict[str, Any]](url) as client:
        return [
            _collection(client, database, collection)
            for database in client.list_database_names()
            for collection in client[database].list_collection_names()
        ]


def _collection(client: "MongoClient[dict[str, Any]]", database: str, collection: str) -> Output:
    documents = [encode(document) for document in client[database][collection].find()]
    return Output(name=f"documents {database}.{collection}", content=b"\n".join(documents), records=len(documents))
