"""A product backend with none of our code: a plain Kafka producer, a plain consumer, JSON."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

REQUESTS = "post.requests"
EVENTS = "post.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record: its type from the header, and its JSON body."""

    type: str
    body: dict[str, Any]


async def request_post(bootstrap_servers: str, post: dict[str, Any]) -> None:
    """Put one `post.requested` on Kafka, keyed by its account.

    Returns once the brokers have stored the record. Repeating it is safe: `post_id` is the idempotency key.
    """
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(REQUESTS, json.dumps(post).encode(), key=post["account_id"].encode())


class PostEvents:
    """Reads the events of one post with `read_committed`, so that aborted transactions are never seen."""

    def __init__(self, bootstrap_servers: str, post_id: str) -> None:
        self._post_id = post_id
        self._consumer = AIOKafkaConsumer(
            EVENTS,
            bootstrap_servers=bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            # No group: this reader needs every partition and commits no offsets.
            group_id=None,
        )

    async def next(self, *, within_ms: int) -> list[Event]:
        """Return the events since the last call; wait up to `within_ms` for the first."""
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
