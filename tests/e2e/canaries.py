"""Secrets that are known to a test, and a search for them in everything that people and programs can read."""

import base64
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import AsyncMongoClient

NOT_OURS = ("sandbox", "kafka", "mongo", "media")
"""Servers of the stack whose logs are not Postbus's; the sandbox is TikTok, and may know what TikTok knows."""
CALLBACK_PATH = "/v1/oauth/callback"
SHORTEST = 16
"""A secret that is shorter would be found by chance."""


@dataclass(slots=True)
class Canaries:
    """Each secret by what it is, and every spelling of it that is looked for."""

    known: dict[str, str] = field(default_factory=dict)
    _spelt: dict[bytes, str] = field(default_factory=dict)

    def plant(self, kind: str, secret: str) -> None:
        """Look for this one from now on."""
        assert len(secret) >= SHORTEST, kind
        self.known[secret] = kind
        for spelling in _spellings(secret):
            self._spelt[spelling] = kind

    def found_in(self, place: str, content: bytes) -> Iterator[str]:
        """Name what is found, and where; never the secret itself."""
        for spelling, kind in self._spelt.items():
            if spelling in content:
                yield f"{kind} in {place}"


def _spellings(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {
        raw,
        quote(secret, safe="").encode(),
        json.dumps(secret)[1:-1].encode(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
    }


@dataclass(slots=True)
class Answers:
    """Every answer of our edges that a client got, as it came; `callbacks` are where TikTok sent browsers back to."""

    edges: tuple[str, ...]
    callbacks: list[str] = field(default_factory=list)
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    async def note(self, response: httpx.Response) -> None:
        """Keep an answer, if it is one of ours. A hook of httpx."""
        if not str(response.url).startswith(self.edges):
            return
        await response.aread()
        if response.url.path == CALLBACK_PATH:
            self.callbacks.append(str(response.url))
        place = f"answer to {response.request.method} {response.url.path}"
        head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        self.seen.append((place, head.encode() + b"\n\n" + response.content))


def logs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Read every log that is ours."""
    for path in sorted(folder.glob("*.log")):
        if not path.name.startswith(NOT_OURS):
            yield f"log {path.name}", path.read_bytes()


async def topics(bootstrap_servers: str) -> AsyncIterator[tuple[str, bytes]]:
    """Read every record of every topic: key, value and headers, as they lie there, aborted ones too."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        group_id=None,
        auto_offset_reset="earliest",
        isolation_level="read_uncommitted",
    )
    await consumer.start()
    try:
        assigned = await _all_partitions(bootstrap_servers)
        consumer.assign(assigned)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(assigned)
        while [part for part in assigned if await consumer.position(part) < ends[part]]:
            for part, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    headers = b"\n".join(name.encode() + b"=" + (raw or b"") for name, raw in record.headers)
                    content = b"\n".join((record.key or b"", record.value or b"", headers))
                    yield f"record {part.topic}/{part.partition}/{record.offset}", content
    finally:
        await consumer.stop()


async def _all_partitions(bootstrap_servers: str) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        described = await admin.describe_topics(
            [name for name in await admin.list_topics() if not name.startswith("__")]
        )
    finally:
        await admin.close()
    return [TopicPartition(each["topic"], part["partition"]) for each in described for part in each["partitions"]]


async def documents(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Read every document of every database."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url)
    try:
        for database in await client.list_database_names():
            for name in await client[database].list_collection_names():
                async for document in client[database][name].find():
                    yield f"document of {database}.{name}", repr(document).encode()
    finally:
        await client.close()


def search(canaries: Canaries, places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Say what was found where."""
    return [hit for place, content in places for hit in canaries.found_in(place, content)]
