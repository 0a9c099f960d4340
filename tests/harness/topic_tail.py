"""Follow a topic from its beginning, committed records only."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

LOOK_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record: its headers as text, its value as it is and as JSON."""

    type: str
    headers: dict[str, str]
    value: bytes
    body: dict[str, Any]


class TopicTail:
    """The events of a topic that were read so far. `concerns` selects them."""

    def __init__(self, bootstrap_servers: str, topic: str, concerns: Callable[[Event], bool]) -> None:
        self._concerns = concerns
        self._consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            group_id=None,
        )
        self.seen: list[Event] = []

    async def until(self, reached: Callable[[], bool], *, what: str, within: float) -> None:
        """Read on until something has been seen."""
        try:
            async with asyncio.timeout(within):
                while not reached():
                    await self._read()
        except TimeoutError:
            seen = [(event.type, event.body) for event in self.seen]
            message = f"waited {within:.0f} s for {what}; seen: {seen}"
            raise AssertionError(message) from None

    async def until_type(self, event_type: str, *, within: float) -> Event:
        """Read on until an event of this type has been seen; return the first."""
        await self.until(lambda: event_type in self.types(), what=event_type, within=within)
        return next(event for event in self.seen if event.type == event_type)

    async def to_the_end(self, *, within: float) -> None:
        """Read everything that is there now."""
        partitions = self._consumer.assignment()
        ends = await self._consumer.end_offsets(partitions)
        position: Callable[[object], Awaitable[int]] = self._consumer.position
        async with asyncio.timeout(within):
            while any([await position(partition) < ends[partition] for partition in partitions]):
                await self._read()

    def types(self) -> list[str]:
        """What has been seen, in order."""
        return [event.type for event in self.seen]

    async def _read(self) -> None:
        batches = await self._consumer.getmany(timeout_ms=LOOK_MS)
        events = (_event(record) for records in batches.values() for record in records)
        self.seen += (event for event in events if self._concerns(event))

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()


def _event(record: "ConsumerRecord[bytes, bytes]") -> Event:
    headers = {name: raw.decode(errors="replace") for name, raw in record.headers}
    value = record.value or b""
    return Event(type=headers.get("ce_type", ""), headers=headers, value=value, body=_fields(value))


def _fields(value: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return fields if isinstance(fields, dict) else {}
