"""Writes single events from an edge. An event is durable when `produce` returns."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from common.clock import Clock, system_clock
from common.contract.body import Body
from common.contract.codec import Envelope, encode
from common.streams.log.kafka import translated
from common.streams.log.port import LogUnavailable

REQUEST_TIMEOUT_MS = 15_000


class EventProducer:
    """An idempotent producer. Kafka's default partitioner puts an account's events on its partition."""

    def __init__(self, producer: AIOKafkaProducer, *, source: str, clock: Clock) -> None:
        self._producer = producer
        self._source = source
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, bootstrap_servers: str, source: str, clock: Clock = system_clock
    ) -> AsyncIterator["EventProducer"]:
        """Keep a started producer while inside."""
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap_servers,
            # A retry of the client must not write the event twice.
            enable_idempotence=True,
            acks="all",
            # An HTTP caller waits for it.
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        await producer.start()
        try:
            yield cls(producer, source=source, clock=clock)
        finally:
            await producer.stop()

    async def produce(self, body: Body, traceparent: str | None = None) -> None:
        """Write an event, and return when every in-sync replica has it.

        Raises `LogUnavailable`. The event may have been written or not, so what it asks for must be safe to repeat.
        """
        envelope = Envelope(
            id=str(uuid4()), source=self._source, time=self._clock(), traceparent=traceparent, body=body
        )
        value, headers = encode(envelope)
        with translated(LogUnavailable):
            await self._producer.send_and_wait(body.topic.name, value=value, key=body.key.encode(), headers=headers)
