"""Trace context is read strictly, continued where it can be, and begun where it cannot."""

import random
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.service import tracing

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def seeded(seed: int) -> tracing.RandomBytes:
    return random.Random(seed).randbytes


def test_parse_reads_what_trace_writes() -> None:
    trace = tracing.parse(HEADER)
    assert trace == tracing.Trace(trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7")
    assert str(trace) == HEADER


@pytest.mark.parametrize("flags", ["00", "02", "fe"])
def test_parse_reads_the_sampled_flag_as_one_bit(flags: str) -> None:
    trace = tracing.parse(HEADER[:-2] + flags)
    assert trace is not None
    assert not trace.sampled
    assert str(trace).endswith("-00")


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        HEADER.upper(),
        HEADER[:-1],
        HEADER + "-00",
        HEADER + "\n",
        "ff" + HEADER[2:],
        "cc" + HEADER[2:] + ".more",
        HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        HEADER.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
def test_parse_of_an_invalid_header_is_none(header: str | None) -> None:
    assert tracing.parse(header) is None


@pytest.mark.parametrize("more", ["", "-what-comes-next"])
def test_parse_reads_the_known_part_of_later_versions(more: str) -> None:
    trace = tracing.parse("cc" + HEADER[2:] + more)
    assert trace is not None
    assert trace.span_id == "00f067aa0ba902b7"


@given(st.text(max_size=80))
def test_parse_of_any_text_does_not_fail(text: str) -> None:
    trace = tracing.parse(text)
    assert trace is None or tracing.parse(str(trace)) == trace


@given(st.integers())
def test_child_has_the_same_trace_and_a_new_span(seed: int) -> None:
    child = tracing.child_of(HEADER[:-2] + "00", seeded(seed))
    assert child.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert child.span_id != "00f067aa0ba902b7"
    assert not child.sampled


def test_child_without_parent_is_new_and_depends_on_the_seed() -> None:
    first, second = (tracing.child_of("nonsense", seeded(1)) for _ in range(2))
    assert first == second == tracing.new(seeded(1))
    assert tracing.parse(str(first)) == first


def test_new_never_has_an_id_of_zeros() -> None:
    draws = chain([bytes(16)], repeat(b"\x01"))
    trace = tracing.new(lambda size: next(draws).ljust(size, b"\0"))
    assert tracing.parse(str(trace)) == trace
