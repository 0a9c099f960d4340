"""How a task's memory is written to its state topic: one record a state, and one for how far the inputs are read.

Errors:
    UnreadableRecord    a record of our own cannot be read; going past it would lose a post, so its partition stops
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from common.clock import UtcDatetime
from common.contract.topics import Topic, state_topic
from common.streams.api import StateKey
from common.streams.log.port import OutgoingRecord, Record, TopicPartition

S = TypeVar("S")
TRACE_HEADER = "traceparent"
_POSITION_KEY = b"!position"
_encode = msgspec.json.Encoder().encode


class UnreadableRecord(Exception):
    """A record of our own that this version cannot read."""

    def __init__(self, record: Record, cause: Exception) -> None:
        """Say where the record is and why it cannot be read."""
        where = f"{record.topic_partition.topic}/{record.topic_partition.partition} at offset {record.offset}"
        super().__init__(f"cannot read our own record {where}: {cause}; the partition stops rather than lose it")


def trace_of(record: Record) -> str | None:
    """Read the trace a record belongs to; it may come from outside, so nothing in it is relied on."""
    return next((raw.decode(errors="replace") for name, raw in record.headers if name == TRACE_HEADER and raw), None)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The next offset of each input, and the newest time the task has lived through."""

    offsets: dict[str, int]
    at: datetime


class Changelog(Generic[S]):
    """Writes and reads one service's state records of one partition."""

    def __init__(self, *, service: str, partition: int, state_type: object) -> None:
        self.topic_partition = TopicPartition(state_topic(service).name, partition)
        self._partition = partition
        self._states: msgspec.json.Decoder[S] = msgspec.json.Decoder(state_type)
        self._positions = msgspec.json.Decoder(Position)

    def put(self, key: StateKey, state: S | None, trace: str | None) -> OutgoingRecord:
        """Record a state, or that it is forgotten."""
        return OutgoingRecord(
            topic_partition=self.topic_partition,
            key=f"{key.partition_key}/{key.entity_id}".encode(),
            value=None if state is None else _encode(state),
            headers=() if trace is None else ((TRACE_HEADER, trace.encode()),),
        )

    def put_position(self, offsets: Mapping[str, int], at: UtcDatetime) -> OutgoingRecord:
        """Record how far the inputs are read."""
        return OutgoingRecord(
            topic_partition=self.topic_partition,
            key=_POSITION_KEY,
            value=_encode(Position(offsets=dict(offsets), at=at)),
        )

    def read(self, record: Record) -> "Position | StateRecord[S]":
        """Read a record of the state topic. Raises `UnreadableRecord`."""
        try:
            if record.key == _POSITION_KEY:
                return self._positions.decode(record.value or b"")
            lane, _, item = (record.key or b"").decode().partition("/")
            state = None if record.value is None else self._states.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableRecord(record, error) from error
        return StateRecord(StateKey(lane, item), state, trace_of(record))

    def input_partitions(self, topics: tuple[Topic, ...]) -> tuple[TopicPartition, ...]:
        """Name this partition of each topic."""
        return tuple(TopicPartition(topic.name, self._partition) for topic in topics)


class StateRecord(Generic[S]):
    """One state as it was written, with the trace it belongs to."""

    __slots__ = ("key", "state", "trace")

    def __init__(self, key: StateKey, state: S | None, trace: str | None) -> None:
        self.key = key
        self.state = state
        self.trace = trace
