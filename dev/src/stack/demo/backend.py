"""A product backend, as anybody would write one: a plain producer, a plain consumer, JSON. Nothing of Postbus in it."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

REQUESTS = "post.requests"
EVENTS = "post.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a consumer learns of one record: its type, and its JSON."""

    type: str
    body: dict[str, Any]


async def ask_for(bootstrap_servers: str, post: dict[str, Any]) -> None:
    """Put one `post.requested` on Kafka, keyed by its account."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(REQUESTS, json.dumps(post).encode(), key=post["account_id"].encode())


class Events:
    """Everything that happens to one post, read as a careful consumer reads: only what is committed."""

    def __init__(self, bootstrap_servers: str, post_id: str) -> None:
        self._post_id = post_id
        self._consumer = AIOKafkaConsumer(
            EVENTS,
            bootstrap_servers=bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            group_id=None,
        )

    async def next(self, *, within_ms: int) -> list[Event]:
        """Return what has come since the last call; wait a little for something."""
        batches = await self._consumer.getmany(timeout_ms=within_ms)
        events = [
            Event(type=dict(record.headers)["ce_type"].decode(), body=json.loads(record.value))
            for records in batches.values()
            for record in records
        ]
        return [event for event in events if event.body["post_id"] == self._post_id]

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()
