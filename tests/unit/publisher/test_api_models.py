"""HTTP and Kafka accept, refuse and read the same requests for posts."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from common.contract.post import PostRequested, PrivacyLevel, Source
from publisher_service.api_models import Submission, model_of

TENANT = "t1"
SUBMISSIONS = TypeAdapter(Submission)

identifiers = st.one_of(
    st.from_regex(r"[A-Za-z0-9._:\-]{1,128}", fullmatch=True),
    st.text(max_size=130),
    st.sampled_from(["a" * 128, "a" * 129, "", "a b", "ä", "a/b", "a\t"]),
)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.one_of(
    st.datetimes(datetime(1970, 1, 2), datetime(9990, 1, 1), timezones=offsets).map(datetime.isoformat),  # noqa: DTZ001 -- hypothesis adds the offsets
    st.sampled_from(
        [
            *("2027-01-31T18:00:00Z", "2027-01-31T18:00:00z", "2027-01-31t18:00:00Z", "2027-01-31 18:00:00Z"),
            *("2027-01-31T18:00:00", "2027-01-31", "18:00:00Z", "2027-01-31T18:00Z", "2027-01-31T18:00:00.123456789Z"),
            *("2027-02-30T18:00:00Z", "2027-01-31T24:00:00Z", "2027-01-31T18:00:60Z", "2027-01-31T18:00:00+0100"),
            *("tomorrow", "", "1800000000"),
        ]
    ),
)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=3,
)


def or_anything(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, anything)


plausible = st.fixed_dictionaries(
    {
        "post_id": st.from_regex(r"[A-Za-z0-9._:\-]{1,20}", fullmatch=True),
        "account_id": st.just("acc_a"),
        "source": st.fixed_dictionaries({"url": st.text(min_size=8, max_size=20)}),
        "privacy_level": st.sampled_from([*PrivacyLevel]).map(str),
    }
)
flags = or_anything(st.booleans())
changes = st.fixed_dictionaries(
    {},
    optional={
        "post_id": or_anything(identifiers),
        "account_id": or_anything(identifiers),
        "source": or_anything(
            st.fixed_dictionaries({"url": or_anything(st.text(max_size=12))}, optional={"kind": anything})
        ),
        "privacy_level": or_anything(st.sampled_from(["self_only", "SELF_ONLY", "PUBLIC"])),
        "caption": or_anything(st.text(max_size=20) | st.sampled_from(["x" * 2200, "x" * 2201, "👋" * 2200])),
        **dict.fromkeys(
            ("allow_comment", "allow_duet", "allow_stitch", "brand_content", "brand_organic", "is_aigc"), flags
        ),
        "cover_timestamp_ms": or_anything(st.none() | st.integers(-1, 10_000)),
        "publish_at": or_anything(times | st.none()),
        "not_after": or_anything(times | st.none()),
        "unknown_field": anything,
    },
)


def as_the_contract_reads(raw: bytes) -> PostRequested | None:
    try:
        # On Kafka the tenant is a field; over HTTP it is whose key it is, and naming one is a fault.
        fields = msgspec.json.decode(raw, type=dict[str, Any])
        if "tenant" in fields:
            return None
        return msgspec.json.decode(msgspec.json.encode(fields | {"tenant": TENANT}), type=PostRequested)
    except msgspec.ValidationError:
        return None


def as_the_edge_reads(raw: bytes) -> PostRequested | None:
    try:
        # FastAPI reads JSON first and validates what it means, so this does too.
        return SUBMISSIONS.validate_python(json.loads(raw)).requested_by(TENANT)
    except ValidationError:
        return None


@settings(max_examples=600, deadline=None)
@given(asked=plausible, change=changes, leave_out=st.sampled_from([None, None, None, "account_id", "source"]))
def test_http_and_kafka_accept_the_same_requests(
    asked: dict[str, Any], change: dict[str, Any], leave_out: str | None
) -> None:
    body = {name: value for name, value in (asked | change).items() if name != leave_out}
    raw = json.dumps(body).encode()
    assert as_the_edge_reads(raw) == as_the_contract_reads(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "t1"},
        {"tenant": "t2"},
        {"post_id": "a\n"},
        {"cover_timestamp_ms": 1.0},
        {"cover_timestamp_ms": 1e3},
        {"cover_timestamp_ms": True},
        {"cover_timestamp_ms": 2**63},
        {"cover_timestamp_ms": 2**64},
        {"allow_comment": 1},
        {"allow_comment": "true"},
        {"caption": 5},
        {"publish_at": 1_800_000_000},
        {"publish_at": "2027-01-31T18:00:00"},
    ],
)
def test_http_and_kafka_agree_on_edge_cases(change: dict[str, Any]) -> None:
    body = {
        "post_id": "post-1",
        "account_id": "acc_a",
        "source": {"url": "https://media.example/v.mp4"},
        "privacy_level": "SELF_ONLY",
    }
    raw = json.dumps(body | change).encode()
    assert as_the_edge_reads(raw) == as_the_contract_reads(raw)


def test_submission_has_every_field_but_the_tenant() -> None:
    schema = SUBMISSIONS.json_schema()
    source = schema["$defs"]["SourceAddress"]
    assert {*schema["properties"], "tenant"} == set(PostRequested.__struct_fields__)
    assert set(source["properties"]) == set(Source.__struct_fields__)
    fields = (*schema["properties"].values(), *source["properties"].values())
    assert [field for field in fields if "description" not in field and "$ref" not in field] == []


def test_time_with_offset_keeps_its_moment() -> None:
    raw = json.dumps(
        {
            "account_id": "acc_a",
            "source": {"url": "https://media.example/v.mp4"},
            "privacy_level": "SELF_ONLY",
            "publish_at": "2027-01-31T18:00:00+01:00",
        }
    )
    request = as_the_edge_reads(raw.encode())
    assert request is not None
    assert request.publish_at == datetime(2027, 1, 31, 17, tzinfo=UTC)


class NewField(msgspec.Struct):
    """A struct of the contract, with a field that HTTP does not know yet."""

    caption: str
    volume: float


def test_contract_field_without_description_is_refused() -> None:
    with pytest.raises(TypeError, match="differ in: volume"):
        model_of("NewField", NewField, "", {"caption": "The text."})


def test_contract_field_of_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="HTTP has no reading for FloatType"):
        model_of("NewField", NewField, "", {"caption": "The text.", "volume": "How loud."})
