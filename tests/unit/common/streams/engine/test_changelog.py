"""State records are read as they were written; one that cannot be read stops its partition."""

from datetime import UTC, datetime

import pytest

from common.streams import Record, StateKey
from common.streams.engine.changelog import Changelog, Position, StateRecord
from common.streams.engine.decoding import UnreadableRecord
from fakes.counting_processor import Counting

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def changelog() -> Changelog[Counting]:
    return Changelog(service="uploader", partition=3, state_type=Counting)


def record(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Record:
    return Record(topic_partition=changelog().topic_partition, offset=7, key=key, value=value, headers=headers)


def test_changelog_reads_a_state_with_its_trace() -> None:
    written = changelog().put(StateKey("acc", "post"), Counting(asked=2, not_before=T0), "00-trace")
    entry = changelog().read(record(written.key, written.value, tuple(written.headers)))
    assert isinstance(entry, StateRecord)
    assert (entry.key, entry.state, entry.trace) == (
        StateKey("acc", "post"),
        Counting(asked=2, not_before=T0),
        "00-trace",
    )


@pytest.mark.parametrize(("raw", "trace"), [(None, None), (b"\xff", "\ufffd")])
def test_changelog_accepts_any_trace(raw: bytes | None, trace: str | None) -> None:
    written = changelog().put(StateKey("acc", "post"), Counting(asked=2), None)
    entry = changelog().read(record(written.key, written.value, (("traceparent", raw),)))
    assert isinstance(entry, StateRecord)
    assert entry.trace == trace


def test_changelog_deleted_state_is_a_tombstone() -> None:
    written = changelog().put(StateKey("acc", ""), None, None)
    entry = changelog().read(record(written.key, written.value))
    assert isinstance(entry, StateRecord)
    assert (entry.key, entry.state) == (StateKey("acc", ""), None)


def test_changelog_reads_the_position() -> None:
    written = changelog().put_position({"post.requests": 12}, T0)
    assert changelog().read(record(written.key, written.value)) == Position(offsets={"post.requests": 12}, at=T0)


@pytest.mark.parametrize("value", [b"not json", b'{"type":"of_a_newer_version"}', b'{"type":"counting"}'])
def test_changelog_unreadable_state_raises(value: bytes) -> None:
    with pytest.raises(UnreadableRecord, match=r"uploader\.state/3 at offset 7"):
        changelog().read(record(b"acc/post", value))
