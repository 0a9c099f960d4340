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
from common.streams.api import Due, Key, Machine, Outsider
from common.streams.engine import metrics
from common.streams.engine.changelog import Unreadable, trace_of
from common.streams.log.port import Outgoing, Record, Slice

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


class Why(StrEnum):
    """Why a record from outside is put aside."""

    ILLEGIBLE = "illegible"
    CRASHED = "crashed"


PutAside: TypeAlias = Callable[[Exception], Outgoing]
"""Makes a record's dead letter, for what came of it."""


class Mark(NamedTuple):
    """How far an input is read once the step is committed."""

    slice: Slice
    next_offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered(Generic[G]):
    """A fact for a state. `kept` facts are an effect's outcome: they outlive a reopening of the task.

    `put_aside` is there for records from outside, which must not stop a partition: it makes the dead letter of one
    that no decision could be made about.
    """

    key: Key
    fact: "G | Due"
    trace: str | None = None
    mark: Mark | None = None
    passing: tuple[Outgoing, ...] = ()
    kept: bool = False
    put_aside: PutAside | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """A record that changes no state: not ours, forwarded, or dead-lettered."""

    mark: Mark
    passing: tuple[Outgoing, ...] = ()


class Intake(Generic[S, F, E]):
    """Reads the records of one partition of a machine's inputs."""

    def __init__(self, machine: Machine[S, F, E], partition: int, partition_of: Callable[[str], int]) -> None:
        self._machine = machine
        self._partition = partition
        self._partition_of = partition_of
        self._outside = {topic.name for topic in machine.inputs if topic.from_outside}

    def step(self, record: Record) -> Offered[F] | Passed:
        """Say what a record means. Raises `Unreadable` for a record of our own that cannot be read."""
        mark = Mark(record.slice, record.offset + 1)
        if record.slice.topic not in self._outside:
            return self._read(record, mark, None)
        put_aside = partial(self._crashed, record)
        if (size := len(record.value or b"")) > LARGEST_VALUE:
            reason = f"it has {size} bytes; the limit is {LARGEST_VALUE}"
            return Passed(mark=mark, passing=(self._dead_letter(record, reason, Why.ILLEGIBLE),))
        try:
            return self._read(record, mark, put_aside)
        except Exception as error:  # noqa: BLE001 -- whatever a stranger's record does to us, those behind it go on
            return Passed(mark=mark, passing=(put_aside(error),))

    def _read(self, record: Record, mark: Mark, put_aside: PutAside | None) -> Offered[F] | Passed:
        try:
            envelope = _timed(
                decode(topic=record.slice.topic, value=record.value or b"", headers=record.headers), record
            )
        except EventError as error:
            return self._illegible(record, mark, error, put_aside)
        if (owner := self._partition_of(envelope.body.key)) != self._partition:
            return Passed(mark=mark, passing=(_forward(record, envelope.body.key, owner),))
        addressed = self._machine.interpret(envelope)
        if addressed is None:
            return Passed(mark=mark)
        return Offered(
            key=addressed.key, fact=addressed.fact, trace=envelope.traceparent, mark=mark, put_aside=put_aside
        )

    def _crashed(self, record: Record, error: Exception) -> Outgoing:
        _log.error(
            "outside_record_crashed",
            topic=record.slice.topic,
            partition=record.slice.partition,
            offset=record.offset,
            exc_info=error,
        )
        return self._dead_letter(record, f"no decision could be made about it: {type(error).__name__}", Why.CRASHED)

    def _illegible(
        self, record: Record, mark: Mark, error: EventError, put_aside: PutAside | None
    ) -> Offered[F] | Passed:
        if put_aside is None:
            raise Unreadable(record, error)
        told = self._machine.illegible(_outsider(record, error))
        if told is not None and (owner := self._partition_of(told.key.lane)) != self._partition:
            return Passed(mark=mark, passing=(_forward(record, told.key.lane, owner),))
        letter = self._dead_letter(record, str(error), Why.ILLEGIBLE)
        if told is None:
            return Passed(mark=mark, passing=(letter,))
        return Offered(
            key=told.key, fact=told.fact, trace=trace_of(record), mark=mark, passing=(letter,), put_aside=put_aside
        )

    def _dead_letter(self, record: Record, reason: str, why: Why) -> Outgoing:
        metrics.DEAD_LETTERS.labels(self._machine.service, why).inc()
        came_from = {
            "dlq_reason": reason[:LONGEST_REASON],
            "dlq_topic": record.slice.topic,
            "dlq_partition": str(record.slice.partition),
            "dlq_offset": str(record.offset),
        }
        value = record.value
        if value is not None and len(value) > LARGEST_VALUE:
            came_from["dlq_size"] = str(len(value))
            value = value[:LARGEST_VALUE]
        key, headers = _extras(record)
        return Outgoing(
            slice=Slice(dead_letters(self._machine.service).name, self._partition),
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


def _forward(record: Record, account_id: str, partition: int) -> Outgoing:
    return Outgoing(
        slice=Slice(record.slice.topic, partition),
        key=account_id.encode(),
        value=record.value,
        headers=_extras(record)[1],
    )


def _outsider(record: Record, error: EventError) -> Outsider:
    return Outsider(
        topic=record.slice.topic,
        partition=record.slice.partition,
        offset=record.offset,
        key=record.key,
        value=record.value or b"",
        error=error,
    )


def read_view(record: Record) -> tuple[str, Body | None]:
    """Read a view's record: the account, and its newest body (None: gone). Raises `Unreadable`."""
    account_id = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return account_id, None
    try:
        return account_id, decode(topic=record.slice.topic, value=record.value, headers=record.headers).body
    except (EventError, msgspec.MsgspecError) as error:
        raise Unreadable(record, error) from error
