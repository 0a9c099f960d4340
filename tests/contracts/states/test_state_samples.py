"""State records of every released version stay readable. A release that cannot read one stops its partitions."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from analytics_service.processor import CollectorProcessor
from analytics_service.states import Video
from auth_service.states import State as AuthState
from common.streams import Processor, Record, StateKey
from common.streams.engine.changelog import Changelog, Position
from publisher_service.processor import PROCESSOR as FOLLOWS
from publisher_service.states import Post as FollowedPost
from uploader_service.processor import PROCESSOR as UPLOADS
from uploader_service.states import Post as UploadedPost

STATE_BY_EVENT: Mapping[str, Any] = {
    "analytics": Video,
    "auth": AuthState,
    "publisher": FollowedPost,
    "uploader": UploadedPost,
}
MACHINES: Mapping[str, Processor[Any, Any, Any]] = {
    "analytics": CollectorProcessor((60,)),
    "publisher": FOLLOWS,
    "uploader": UPLOADS,
}
FOLDER = Path(__file__).parent / "samples"
SAMPLES: Mapping[str, Any] = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
KINDS = [
    (service, kind)
    for service, states in STATE_BY_EVENT.items()
    for kind in getattr(inspect.type_info(states), "types", ())
    if isinstance(kind, inspect.StructType)
]

each_sample = pytest.mark.parametrize("name", SAMPLES)


def record(name: str, value: Mapping[str, Any]) -> tuple[Changelog[Any], Record]:
    service = name.partition(".")[0]
    journal: Changelog[Any] = Changelog(service=service, partition=0, state_type=STATE_BY_EVENT[service])
    raw = json.dumps(value).encode()
    return journal, Record(
        topic_partition=journal.topic_partition, offset=7, key=b"acc_1/post_1", value=raw, headers=()
    )


def read(name: str, value: Mapping[str, Any]) -> Any:
    journal, found = record(name, value)
    return getattr(journal.read(found), "state", None)


@pytest.mark.parametrize(("service", "kind"), KINDS, ids=lambda part: getattr(part, "tag", part))
def test_every_state_and_field_is_in_a_sample(service: str, kind: inspect.StructType) -> None:
    sampled = {name for each, value in SAMPLES.items() if each.startswith(f"{service}.{kind.tag}.") for name in value}
    assert sampled == {field.encode_name for field in kind.fields} | {kind.tag_field}


def test_every_sample_belongs_to_a_state() -> None:
    known = {f"{service}.{kind.tag}." for service, kind in KINDS}
    assert [name for name in SAMPLES if not any(name.startswith(prefix) for prefix in known)] == []


@each_sample
def test_sample_is_read_with_all_its_fields(name: str) -> None:
    assert holds(json.loads(msgspec.json.encode(read(name, SAMPLES[name]))), SAMPLES[name])


@each_sample
def test_sample_written_again_is_equal(name: str) -> None:
    state = read(name, SAMPLES[name])
    journal, _ = record(name, {})
    written = journal.put(StateKey("acc_1", "post_1"), state, None)
    assert read(name, json.loads(written.value or b"")) == state


@each_sample
def test_older_release_reads_unknown_fields(name: str) -> None:
    assert read(name, {**SAMPLES[name], "field_of_tomorrow": 1}) == read(name, SAMPLES[name])


@pytest.mark.parametrize("service", STATE_BY_EVENT)
def test_input_positions_keep_their_format(service: str) -> None:
    journal: Changelog[Any] = Changelog(service=service, partition=0, state_type=STATE_BY_EVENT[service])
    frozen = b'{"offsets":{"post.requests":417},"at":"2026-11-20T09:30:00Z"}'
    found = journal.read(Record(topic_partition=journal.topic_partition, offset=7, key=b"!position", value=frozen))
    assert found == Position(offsets={"post.requests": 417}, at=datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    assert journal.put_position({"post.requests": 417}, found.at).value == frozen


def holds(whole: Any, part: Any) -> bool:
    """Whether every field of `part` is in `whole`, with an equal value."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)
