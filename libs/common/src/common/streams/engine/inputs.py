"""What a record from an input becomes: a fact for a state, or something to pass on in the next transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Generic, NamedTuple, TypeAlias, TypeVar

import msgspec
import structlog

from common.contract.body import Body
from common.contract.codec import Envelope, EventError, decode
from common.contract.topics import dead_letters
from common.streams.api import Due, ForeignRecord, Processor, StateKey
from common.streams.engine import metrics
from common.streams.engine.changelog import UnreadableRecord, trace_of
from common.streams.log.port import OutgoingRecord, Record, TopicPartition

S = TypeVar("S")
F = TypeVar("F")
E = TypeVar("E")
G = TypeVar("G")
LONGEST_REASON = 1000
LARGEST_VALUE = 512 * 1024
"""Bytes of a record from outside that is read. A larger one may have come compressed; it could not be passed on."""
LARGEST_EXTRAS = 64 * 1024
"""Bytes of a stranger's key and headers that are passed on with the value; larger ones are left out."""
_log = structlog.get_logger()


class DeadLetterReason(StrEnum):
    """Why a record from outside is put aside."""

    UNDECODABLE = "illegible"
    CRASHED = "crashed"


DeadLetterFactory: TypeAlias = Callable[[Exception], OutgoingRecord]
"""Makes a record's dead letter, for what came of it."""


class InputPosition(NamedTuple):
    """How far an input is read once the step is committed."""

    slice: TopicPartition
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedFact(Generic[G]):
    """A fact for a state. `kept` facts are an effect's outcome: they outlive a reopening of the task.

    `put_aside` is there for records from outside, which must not stop a partition: it makes the dead letter of one
    that no decision could be made about.
    """

    key: StateKey
    fact: "G | Due"
    trace: str | None = None
    position: InputPosition | None = None
    extra_records: tuple[OutgoingRecord, ...] = ()
    is_result: bool = False
    dead_letter: DeadLetterFactory | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardOnly:
    """A record that changes no state: not ours, forwarded, or dead-lettered."""

    position: InputPosition
    extra_records: tuple[OutgoingRecord, ...] = ()


class InputReader(Generic[S, F, E]):
    """Reads the records of one partition of a machine's inputs."""

    def __init__(self, machine: Processor[S, F, E], partition: int, partition_of: Callable[[str], int]) -> None:
        self._machine = machine
        self._partition = partition
        self._partition_of = partition_of
        self._outside = {topic.name for topic in machine.inputs if topic.from_outside}

    def read(self, record: Record) -> QueuedFact[F] | ForwardOnly:
        """Say what a record means. Raises `UnreadableRecord` for a record of our own that cannot be read."""
        mark = InputPosition(record.topic_partition, record.offset + 1)
        if record.topic_partition.topic not in self._outside:
            return self._read(record, mark, None)
        put_aside = partial(self._crashed, record)
        if (size := len(record.value or b"")) > LARGEST_VALUE:
            reason = f"it has {size} bytes; the limit is {LARGEST_VALUE}"
            return ForwardOnly(
                position=mark, extra_records=(self._dead_letter(record, reason, DeadLetterReason.UNDECODABLE),)
            )
        try:
            return self._read(record, mark, put_aside)
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's record does to us, those behind it go on
            return ForwardOnly(position=mark, extra_records=(put_aside(error),))

    def _read(
        self, record: Record, mark: InputPosition, put_aside: DeadLetterFactory | None
    ) -> QueuedFact[F] | ForwardOnly:
        try:
            envelope = _timed(
                decode(topic=record.topic_partition.topic, value=record.value or b"", headers=record.headers), record
            )
        except EventError as error:
            return self._illegible(record, mark, error, put_aside)
        if (owner := self._partition_of(envelope.body.key)) != self._partition:
            return ForwardOnly(position=mark, extra_records=(_forward(record, envelope.body.key, owner),))
        addressed = self._machine.translate(envelope)
        if addressed is None:
            return ForwardOnly(position=mark)
        return QueuedFact(
            key=addressed.key, fact=addressed.fact, trace=envelope.traceparent, position=mark, dead_letter=put_aside
        )

    def _crashed(self, record: Record, error: Exception) -> OutgoingRecord:
        _log.error(
            "outside_record_crashed",
            topic=record.topic_partition.topic,
            partition=record.topic_partition.partition,
            offset=record.offset,
            exc_info=error,
        )
        return self._dead_letter(
            record, f"no decision could be made about it: {type(error).__name__}", DeadLetterReason.CRASHED
        )

    def _illegible(
        self, record: Record, mark: InputPosition, error: EventError, put_aside: DeadLetterFactory | None
    ) -> QueuedFact[F] | ForwardOnly:
        if put_aside is None:
            raise UnreadableRecord(record, error)
        told = self._machine.on_undecodable(_outsider(record, error))
        if told is not None and (owner := self._partition_of(told.key.partition_key)) != self._partition:
            return ForwardOnly(position=mark, extra_records=(_forward(record, told.key.partition_key, owner),))
        letter = self._dead_letter(record, str(error), DeadLetterReason.UNDECODABLE)
        if told is None:
            return ForwardOnly(position=mark, extra_records=(letter,))
        return QueuedFact(
            key=told.key,
            fact=told.fact,
            trace=trace_of(record),
            position=mark,
            extra_records=(letter,),
            dead_letter=put_aside,
        )

    def _dead_letter(self, record: Record, reason: str, why: DeadLetterReason) -> OutgoingRecord:
        metrics.DEAD_LETTERS.labels(self._machine.service, why).inc()
        came_from = {
            "dlq_reason": reason[:LONGEST_REASON],
            "dlq_topic": record.topic_partition.topic,
            "dlq_partition": str(record.topic_partition.partition),
            "dlq_offset": str(record.offset),
        }
        value = record.value
        if value is not None and len(value) > LARGEST_VALUE:
            came_from["dlq_size"] = str(len(value))
            value = value[:LARGEST_VALUE]
        key, headers = _extras(record)
        return OutgoingRecord(
            topic_partition=TopicPartition(dead_letters(self._machine.service).name, self._partition),
            key=key,
            value=value,
            headers=(*headers, *((name, text.encode(errors="replace")) for name, text in came_from.items())),
        )


def _extras(record: Record) -> tuple[bytes | None, Sequence[tuple[str, bytes | None]]]:
    """Give a stranger's key and headers, unless they are too large to be passed on."""
    size = len(record.key or b"") + sum(len(name) + len(raw or b"") for name, raw in record.headers)
    return (record.key, record.headers) if size <= LARGEST_EXTRAS else (None, ())


def _timed(envelope: Envelope[Body], record: Record) -> Envelope[Body]:
    """Fall back on the record's own time where the sender named none. Kafka takes any number for one."""
    if envelope.time is not None or record.time_ms is None:
        return envelope
    try:
        return replace(envelope, time=datetime.fromtimestamp(record.time_ms / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return envelope


def _forward(record: Record, account_id: str, partition: int) -> OutgoingRecord:
    return OutgoingRecord(
        topic_partition=TopicPartition(record.topic_partition.topic, partition),
        key=account_id.encode(),
        value=record.value,
        headers=_extras(record)[1],
    )


def _outsider(record: Record, error: EventError) -> ForeignRecord:
    return ForeignRecord(
        topic=record.topic_partition.topic,
        partition=record.topic_partition.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",
        error=error,
    )


def read_view(record: Record) -> tuple[str, Body | None]:
    """Read a view's record: the account, and its newest body (None: gone). Raises `UnreadableRecord`."""
    account_id = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return account_id, None
    try:
        return account_id, decode(topic=record.topic_partition.topic, value=record.value, headers=record.headers).body
    except (EventError, msgspec.MsgspecError) as error:
        raise UnreadableRecord(record, error) from error
