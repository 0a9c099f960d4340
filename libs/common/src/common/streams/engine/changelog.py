"""The state topic's records: one for each state, and one for how far the inputs are read.

Kafka Streams calls such a topic a changelog. It is compacted. A service keeps its states nowhere else.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import msgspec

from common.clock import UtcDatetime
from common.contract.topics import Topic, state_topic
from common.streams.api import StateKey
from common.streams.engine.decoding import TRACE_HEADER, UnreadableRecord, trace_of
from common.streams.log.port import OutgoingRecord, Record, TopicPartition

S = TypeVar("S")
_POSITION_KEY = b"!position"
"""No state has it as its key: those contain a slash."""
_encode = msgspec.json.Encoder().encode


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The next offset of each input, and the newest time that the task has used for a decision."""

    offsets: dict[str, int]
    at: datetime


class StateRecord(NamedTuple, Generic[S]):
    """One state as it was written (None: deleted), with the trace it belongs to. A tuple: restoring makes millions."""

    key: StateKey
    state: S | None
    trace: str | None


class Changelog(Generic[S]):
    """Writes and reads the state records of one partition of one service."""

    def __init__(self, *, service: str, partition: int, state_type: object) -> None:
        self.topic_partition = TopicPartition(state_topic(service).name, partition)
        self._partition = partition
        self._states: msgspec.json.Decoder[S] = msgspec.json.Decoder(state_type)
        self._positions = msgspec.json.Decoder(Position)

    def put(self, key: StateKey, state: S | None, trace: str | None) -> OutgoingRecord:
        """Return the record of a state. None deletes it: compaction then removes the key from the topic."""
        return OutgoingRecord(
            topic_partition=self.topic_partition,
            key=f"{key.partition_key}/{key.entity_id}".encode(),
            value=None if state is None else _encode(state),
            headers=() if trace is None else ((TRACE_HEADER, trace.encode()),),
        )

    def put_position(self, offsets: Mapping[str, int], at: UtcDatetime) -> OutgoingRecord:
        """Return the record of how far the inputs are read."""
        return OutgoingRecord(
            topic_partition=self.topic_partition,
            key=_POSITION_KEY,
            value=_encode(Position(offsets=dict(offsets), at=at)),
        )

    def read(self, record: Record) -> Position | StateRecord[S]:
        """Decode a record of the state topic. Raises `UnreadableRecord`."""
        try:
            if record.key == _POSITION_KEY:
                return self._positions.decode(record.value or b"")
            # At the first slash: no account's id contains one, an entity's id may.
            partition_key, _, entity_id = (record.key or b"").decode().partition("/")
            # A tombstone. Until compaction removes it, it must delete what earlier records have set.
            state = None if record.value is None else self._states.decode(record.value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableRecord(record, error) from error
        return StateRecord(StateKey(partition_key, entity_id), state, trace_of(record))

    def input_partitions(self, topics: tuple[Topic, ...]) -> tuple[TopicPartition, ...]:
        """Return this partition of each topic."""
        return tuple(TopicPartition(topic.name, self._partition) for topic in topics)
