"""A product backend with none of our code: plain HTTP, plain Kafka, JSON."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stack.errors import RequestRefused

REQUESTS = "post.requests"
EVENTS = "post.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record: its type from the header, and its JSON body."""

    type: str
    body: dict[str, Any]


def post_request(*, account_id: str, post_id: str, source_url: str, caption: str) -> dict[str, Any]:
    """Return the body of a request for a post over HTTP.

    On Kafka it also needs `tenant`, which HTTP takes from the API key.
    """
    return {
        "post_id": post_id,
        "account_id": account_id,
        "source": {"url": source_url},
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "caption": caption,
    }


async def submit_post(web: httpx.AsyncClient, publisher_url: str, *, key: str, post: dict[str, Any]) -> None:
    """Request a post over HTTP; return once the request is durable.

    Repeating it is safe: `post_id` is the idempotency key.

    Raises:
        RequestRefused: the publisher answered with a problem document.
    """
    answer = await web.post(f"{publisher_url}/v1/posts", json=post, headers={"Authorization": f"Bearer {key}"})
    if not answer.is_success:
        problem = answer.json()
        raise RequestRefused(answer.status_code, code=problem["code"], why=problem.get("detail") or problem["title"])


async def request_post(bootstrap_servers: str, post: dict[str, Any]) -> None:
    """Put one `post.requested` on Kafka, keyed by its account.

    Returns once the brokers have stored the record. Repeating it is safe: `post_id` is the idempotency key.
    """
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        await producer.send_and_wait(REQUESTS, json.dumps(post).encode(), key=post["account_id"].encode())


class PostEvents:
    """Reads the events of one post.

    With `read_committed`: events of an aborted transaction never happened.
    """

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
