"""Decodes records: events of the inputs and of the views, and the trace that a record belongs to.

Errors:
    UnreadableRecord  a record of our own cannot be decoded; skipping it would lose a post, so its partition stops
"""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from common.contract.body import Body
from common.contract.codec import Envelope, EventError, decode
from common.streams.log.port import Record

TRACE_HEADER = "traceparent"


class UnreadableRecord(Exception):
    """A record of our own that this version cannot decode."""

    def __init__(self, record: Record, cause: Exception) -> None:
        """Name the record and what is wrong with it."""
        where = f"{record.topic_partition.topic}/{record.topic_partition.partition} at offset {record.offset}"
        super().__init__(
            f"Cannot read our own record {where}: {cause}. The partition stops, because skipping the record could lose "
            "a post. Deploy a version that reads it."
        )


def decode_event(record: Record) -> Envelope[Body]:
    """Decode an input's record. Raises `EventError`.

    Takes the record's own time if the sender named none. It is ignored if it is no time: Kafka takes any number.
    """
    envelope = decode(topic=record.topic_partition.topic, value=record.value or b"", headers=record.headers)
    if envelope.time is not None or record.time_ms is None:
        return envelope
    try:
        return replace(envelope, time=datetime.fromtimestamp(record.time_ms / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return envelope


def decode_view_record(record: Record) -> tuple[str, Body | None]:
    """Return a view record's key and its body, or None if the key was deleted. Raises `UnreadableRecord`."""
    key = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return key, None
    try:
        return key, decode(topic=record.topic_partition.topic, value=record.value, headers=record.headers).body
    except (EventError, msgspec.MsgspecError) as error:
        # Only services of ours write to views, so this is a version that is not deployed here yet.
        raise UnreadableRecord(record, error) from error


def trace_of(record: Record) -> str | None:
    """Return the trace that a record belongs to. It may come from outside, so it may be any text."""
    return next((raw.decode(errors="replace") for name, raw in record.headers if name == TRACE_HEADER and raw), None)
