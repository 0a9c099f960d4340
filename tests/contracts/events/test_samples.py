"""Samples of every released version of every event stay readable, and are unchanged when written again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator, FormatChecker

from common.contract.body import Body
from common.contract.codec import Envelope, MalformedEvent, UnknownEvent, decode, encode
from common.contract.registry import BODIES, CLOUDEVENTS_HEADERS, REGISTRY, REQUIRED_HEADERS
from common.service import tracing
from contract_docs.schemas import schema_of

FOLDER = Path(__file__).parent / "samples"
SAMPLES: Mapping[str, Any] = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def read(sample: Mapping[str, Any]) -> Envelope[Body]:
    headers = [(name, text.encode()) for name, text in sample["headers"].items()]
    return decode(topic=sample["topic"], value=json.dumps(sample["value"]).encode(), headers=headers)


def sample_prefix(body: type[Body]) -> str:
    return f"{body.ce_type}.{body.schema_version}."


def body_of(sample: Mapping[str, Any]) -> type[Body]:
    """The version of the event that a sample was written in."""
    (body,) = (body for body in BODIES if any(sample is each for each in samples_of(body)))
    return body


def samples_of(body: type[Body]) -> list[Mapping[str, Any]]:
    return [sample for name, sample in SAMPLES.items() if f"{name}.".startswith(sample_prefix(body))]


each_sample = pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
each_newest_sample = pytest.mark.parametrize(
    "sample",
    [pytest.param(sample, id=name) for name, sample in SAMPLES.items() if body_of(sample) not in REGISTRY.upgrades],
)
each_body = pytest.mark.parametrize("body", BODIES, ids=lambda body: body.versioned_name())


@each_body
def test_every_event_and_field_is_in_a_sample(body: type[Body]) -> None:
    sampled = {name for sample in samples_of(body) for name in sample["value"]}
    assert sampled == {field.encode_name for field in msgspec.structs.fields(body)}


def test_every_sample_belongs_to_an_event() -> None:
    known = [sample_prefix(body) for body in BODIES]
    assert [name for name in SAMPLES if not any(f"{name}.".startswith(prefix) for prefix in known)] == []


@each_sample
def test_sample_is_read_with_all_its_fields(sample: Mapping[str, Any]) -> None:
    envelope = read(sample)
    headers = sample["headers"]
    assert envelope.body.topic.name == sample["topic"]
    assert envelope.body.key == sample["key"]
    assert (envelope.id, envelope.source) == (headers.get("ce_id", ""), headers.get("ce_source", ""))
    assert envelope.traceparent == headers.get("traceparent")
    assert (envelope.time.isoformat() if envelope.time else None) == headers.get("ce_time")


@each_sample
def test_sample_of_any_version_is_read_as_the_newest(sample: Mapping[str, Any]) -> None:
    body = type(read(sample).body)
    assert body not in REGISTRY.upgrades
    assert body.ce_type == body_of(sample).ce_type


@each_newest_sample
def test_sample_written_again_is_equal(sample: Mapping[str, Any]) -> None:
    envelope = read(sample)
    value, headers = encode(envelope)
    assert decode(topic=sample["topic"], value=value, headers=headers) == envelope
    assert json.loads(value) == sample["value"], "the same fields, and no others"
    written = {name: raw.decode() for name, raw in headers}
    assert {name: written[name] for name in sample["headers"]} == sample["headers"]


@each_sample
def test_sample_matches_the_published_schema(sample: Mapping[str, Any]) -> None:
    validator = Draft202012Validator(schema_of(body_of(sample)), format_checker=FormatChecker())
    assert [error.message for error in validator.iter_errors(sample["value"])] == []


@each_sample
def test_headers_match_the_contract(sample: Mapping[str, Any]) -> None:
    headers = sample["headers"]
    assert set(headers) <= set(CLOUDEVENTS_HEADERS)
    if headers:
        assert set(REQUIRED_HEADERS) <= set(headers)
        assert tracing.parse(headers["traceparent"]) is not None


@each_body
def test_reader_accepts_unknown_fields_from_our_own_services(body: type[Body]) -> None:
    (sample, *_) = samples_of(body)
    tomorrow = {**sample, "value": {**sample["value"], "field_of_tomorrow": 1}}
    if "product backends" in body.topic.writers:
        with pytest.raises(MalformedEvent, match="field_of_tomorrow"):
            read(tomorrow)
    else:
        assert read(tomorrow) == read(sample)


@each_body
def test_missing_field_is_named_by_codec_and_schema(body: type[Body]) -> None:
    (sample, *_) = samples_of(body)
    validator = Draft202012Validator(schema_of(body))
    for field in (field for field in msgspec.structs.fields(body) if field.required):
        value = {name: given for name, given in sample["value"].items() if name != field.name}
        assert not validator.is_valid(value)
        with pytest.raises(MalformedEvent, match=field.name):
            read({**sample, "value": value})


def test_event_on_another_topic_is_unknown() -> None:
    with pytest.raises(UnknownEvent, match=r"`post\.accepted` is not an event type of topic `post\.requests`"):
        read({**SAMPLES["post.accepted.1"], "topic": "post.requests"})
