"""Turns an input's record into a fact for a state, or into something to pass on with the next transaction.

A record of our own topics that cannot be read stops its partition, because skipping it could lose a post. A record that
was written from outside never does: it goes to the dead letters, and the records behind it go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import structlog

from common.contract.codec import EventError
from common.contract.topics import dead_letters
from common.streams.api import Due, ForeignRecord, Processor, StateKey
from common.streams.engine import metrics
from common.streams.engine.decoding import UnreadableRecord, decode_event, trace_of
from common.streams.log.port import OutgoingRecord, Record, TopicPartition

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
G = TypeVar("G")
MAX_REASON_LENGTH = 1000
MAX_VALUE_BYTES = 512 * 1024
"""Larger values from outside are not decoded. One may have arrived compressed, and too large to be passed on."""
MAX_EXTRA_BYTES = 64 * 1024
"""Of a foreign record's key and headers together, which are passed on with its value. Larger ones are left out."""
_log = structlog.get_logger()


class DeadLetterReason(StrEnum):
    """Why a record from outside became a dead letter."""

    UNDECODABLE = "undecodable"
    CRASHED = "crashed"


DeadLetterFactory: TypeAlias = Callable[[Exception], OutgoingRecord]
"""Makes a record's dead letter from the exception that processing it raised."""


class InputPosition(NamedTuple):
    """How far an input is read once the record is committed."""

    topic_partition: TopicPartition
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedFact(Generic[G]):
    """A fact that waits for the next transaction.

    `dead_letter` is set for records from outside, which must not stop a partition: if deciding raises, its record is
    written in place of a decision.
    """

    key: StateKey
    fact: "G | Due"
    trace: str | None = None
    position: InputPosition | None = None
    extra_records: tuple[OutgoingRecord, ...] = ()
    dead_letter: DeadLetterFactory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardOnly:
    """A record that changes no state: it is not for this service, is forwarded, or is a dead letter."""

    position: InputPosition
    extra_records: tuple[OutgoingRecord, ...] = ()


class InputReader(Generic[S, F, E]):
    """Reads the records of one partition of a processor's inputs."""

    def __init__(self, processor: Processor[S, F, E], partition: int, partition_of: Callable[[str], int]) -> None:
        self._processor = processor
        self._partition = partition
        self._partition_of = partition_of
        self._foreign_topics = {topic.name for topic in processor.inputs if topic.from_outside}

    def read(self, record: Record) -> QueuedFact[F] | ForwardOnly:
        """Return what the record means. Raises `UnreadableRecord` for one of our own that cannot be decoded."""
        position = InputPosition(record.topic_partition, record.offset + 1)
        if record.topic_partition.topic not in self._foreign_topics:
            # Our own record: no dead letter, so whatever is wrong with it stops the partition.
            return self._read(record, position, None)
        if (size := len(record.value or b"")) > MAX_VALUE_BYTES:
            reason = f"The value is too large: {size} bytes. The limit is {MAX_VALUE_BYTES} bytes."
            letter = self._dead_letter(record, reason, DeadLetterReason.UNDECODABLE)
            return ForwardOnly(position=position, extra_records=(letter,))
        dead_letter = partial(self._crashed, record)
        try:
            return self._read(record, position, dead_letter)
        except Exception as error:  # noqa: BLE001 -- a bug that one foreign record triggers must not stop those behind it
            return ForwardOnly(position=position, extra_records=(dead_letter(error),))

    def _read(
        self, record: Record, position: InputPosition, dead_letter: DeadLetterFactory | None
    ) -> QueuedFact[F] | ForwardOnly:
        try:
            envelope = decode_event(record)
        except EventError as error:
            return self._undecodable(record, position, error, dead_letter)
        # A foreign producer may use another partitioner. Only the key's own partition may decide about its state.
        if (owner := self._partition_of(envelope.body.key)) != self._partition:
            return ForwardOnly(position=position, extra_records=(_forwarded(record, envelope.body.key, owner),))
        keyed = self._processor.translate(envelope)
        # The position still advances, or the record would be read again for ever.
        if keyed is None:
            return ForwardOnly(position=position)
        return QueuedFact(
            key=keyed.key, fact=keyed.fact, trace=envelope.traceparent, position=position, dead_letter=dead_letter
        )

    def _crashed(self, record: Record, error: Exception) -> OutgoingRecord:
        _log.error(
            "foreign_record_crashed",
            topic=record.topic_partition.topic,
            partition=record.topic_partition.partition,
            offset=record.offset,
            exc_info=error,
        )
        reason = f"Processing the record failed: {type(error).__name__}. Send it again once the bug is fixed."
        return self._dead_letter(record, reason, DeadLetterReason.CRASHED)

    def _undecodable(
        self, record: Record, position: InputPosition, error: EventError, dead_letter: DeadLetterFactory | None
    ) -> QueuedFact[F] | ForwardOnly:
        if dead_letter is None:
            raise UnreadableRecord(record, error)
        # Its sender may get an answer, if the record at least shows what it is about.
        keyed = self._processor.on_undecodable(_foreign_record(record, error))
        if keyed is not None and (owner := self._partition_of(keyed.key.partition_key)) != self._partition:
            return ForwardOnly(position=position, extra_records=(_forwarded(record, keyed.key.partition_key, owner),))
        letter = self._dead_letter(record, str(error), DeadLetterReason.UNDECODABLE)
        if keyed is None:
            return ForwardOnly(position=position, extra_records=(letter,))
        return QueuedFact(
            key=keyed.key,
            fact=keyed.fact,
            trace=trace_of(record),
            position=position,
            extra_records=(letter,),
            dead_letter=dead_letter,
        )

    def _dead_letter(self, record: Record, text: str, reason: DeadLetterReason) -> OutgoingRecord:
        metrics.DEAD_LETTERS.labels(self._processor.service, reason).inc()
        origin = {
            "dlq_reason": text[:MAX_REASON_LENGTH],
            "dlq_topic": record.topic_partition.topic,
            "dlq_partition": str(record.topic_partition.partition),
            "dlq_offset": str(record.offset),
        }
        value = record.value
        if value is not None and len(value) > MAX_VALUE_BYTES:
            origin["dlq_size"] = str(len(value))
            # The beginning is enough to recognise it, and the whole would exceed the broker's limit.
            value = value[:MAX_VALUE_BYTES]
        # As it came, so that the sender can compare it with what was sent.
        key, headers = _extras(record)
        return OutgoingRecord(
            topic_partition=TopicPartition(dead_letters(self._processor.service).name, self._partition),
            key=key,
            value=value,
            headers=(*headers, *((name, text.encode(errors="replace")) for name, text in origin.items())),
        )


def _extras(record: Record) -> tuple[bytes | None, Sequence[tuple[str, bytes | None]]]:
    """Return a foreign record's key and headers, or none if they are too large to be passed on."""
    size = len(record.key or b"") + sum(len(name) + len(raw or b"") for name, raw in record.headers)
    return (record.key, record.headers) if size <= MAX_EXTRA_BYTES else (None, ())


def _forwarded(record: Record, partition_key: str, partition: int) -> OutgoingRecord:
    """Return the record as it is written to the partition that its key belongs to."""
    return OutgoingRecord(
        topic_partition=TopicPartition(record.topic_partition.topic, partition),
        key=partition_key.encode(),
        value=record.value,
        # The trace and the event type travel in the headers.
        headers=_extras(record)[1],
    )


def _foreign_record(record: Record, error: EventError) -> ForeignRecord:
    return ForeignRecord(
        topic=record.topic_partition.topic,
        partition=record.topic_partition.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",
        error=error,
    )
