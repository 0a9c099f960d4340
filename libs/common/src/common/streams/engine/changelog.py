"""How a task's memory is written to its state topic: one record a state, and one for how far the inputs are read.

Errors:
    Unreadable    a record of our own cannot be read; going past it would lose a post, so its partition stops
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from common.clock import Instant
from common.contract.topics import Topic, state_topic
from common.streams.api import Key
from common.streams.log.port import Outgoing, Record, Slice

S = TypeVar("S")
TRACE_HEADER = "traceparent"
_POSITION_KEY = b"!position"
_encode = msgspec.json.Encoder().encode


class Unreadable(Exception):
    """A record of our own that this version cannot read."""

    def __init__(self, record: Record, cause: Exception) -> None:
        """Say where the record is and why it cannot be read."""
        where = f"{record.slice.topic}/{record.slice.partition} at offset {record.offset}"
        super().__init__(f"cannot read our own record {where}: {cause}; the partition stops rather than lose it")


def trace_of(record: Record) -> str | None:
    """Read the trace a record belongs to; it may come from outside, so nothing in it is relied on."""
    return next((raw.decode(errors="replace") for name, raw in record.headers if name == TRACE_HEADER and raw), None)


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The next offset of each input, and the newest time the task has lived through."""

    offsets: dict[str, int]
    at: datetime


class Journal(Generic[S]):
    """Writes and reads one service's state records of one partition."""

    def __init__(self, *, service: str, partition: int, state_type: object) -> None:
        self.slice = Slice(state_topic(service).name, partition)
        self._partition = partition
        self._states: msgspec.json.Decoder[S] = msgspec.json.Decoder(state_type)
        self._positions = msgspec.json.Decoder(Position)

    def put(self, key: Key, state: S | None, trace: str | None) -> Outgoing:
        """Record a state, or that it is forgotten."""
        return Outgoing(
            slice=self.slice,
            key=f"{key.lane}/{key.item}".encode(),
            value=None if state is None else _encode(state),
            headers=() if trace is None else ((TRACE_HEADER, trace.encode()),),
        )

    def put_position(self, offsets: Mapping[str, int], at: Instant) -> Outgoing:
        """Record how far the inputs are read."""
        return Outgoing(slice=self.slice, key=_POSITION_KEY, value=_encode(Position(offsets=dict(offsets), at=at)))

    def read(self, record: Record) -> "Position | Entry[S]":
        """Read a record of the state topic. Raises `Unreadable`."""
        try:
            if record.key == _POSITION_KEY:
                return self._positions.decode(record.value or b"")
            lane, _, item = (record.key or b"").decode().partition("/")
            state = None if record.value is None else self._states.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(record, error) from error
        return Entry(Key(lane, item), state, trace_of(record))

    def input_slices(self, topics: tuple[Topic, ...]) -> tuple[Slice, ...]:
        """Name this partition of each topic."""
        return tuple(Slice(topic.name, self._partition) for topic in topics)


class Entry(Generic[S]):
    """One state as it was written, with the trace it belongs to."""

    __slots__ = ("key", "state", "trace")

    def __init__(self, key: Key, state: S | None, trace: str | None) -> None:
        self.key = key
        self.state = state
        self.trace = trace
