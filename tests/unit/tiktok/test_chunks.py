"""The chunk plan against TikTok's rules, for every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok.chunks import plan_chunks
from tiktok.errors import SizeRefused
from tiktok.limits import MAX_VIDEO_BYTES

SIZES = st.integers(1, MAX_VIDEO_BYTES) | st.integers(63_999_990, 70_000_010) | st.integers(1, 5 * 2**20 + 3)
MB, MIB = 10**6, 2**20


@pytest.mark.parametrize("megabyte", [MB, MIB])
@given(size=SIZES)
def test_plan_keeps_every_rule_of_tiktok(megabyte: int, size: int) -> None:
    plan = plan_chunks(size)
    lengths = [plan.last(i) - plan.first(i) + 1 for i in range(plan.count)]

    assert plan.count == size // plan.chunk_size
    assert 1 <= plan.count <= 1000
    assert sum(lengths) == size
    assert all(length == plan.chunk_size for length in lengths[:-1])
    assert all(5 * megabyte <= length <= 64 * megabyte for length in lengths[:-1])
    assert plan.chunk_size <= 64 * megabyte
    assert lengths[-1] <= 128 * megabyte
    if size < 5 * megabyte:
        assert plan.chunk_size == size
    else:
        assert plan.chunk_size >= 5 * megabyte or plan.count == 1
    if size > 64 * megabyte:
        assert plan.count > 1
    if plan.count == 1:
        assert plan.chunk_size == size


@given(size=SIZES, part=st.floats(0, 1, exclude_max=True))
def test_byte_belongs_to_the_chunk_it_is_found_in(size: int, part: float) -> None:
    plan = plan_chunks(size)
    offset = int(size * part)
    index = plan.index_at(offset)
    assert plan.first(index) <= offset <= plan.last(index)
    assert plan.is_edge(offset) == (offset == plan.first(index))


def test_official_example_has_its_remainder_in_last_chunk() -> None:
    plan = plan_chunks(80_000_123)
    assert (plan.chunk_size, plan.count) == (10_000_000, 8)
    assert (plan.first(7), plan.last(7)) == (70_000_000, 80_000_122)


def test_end_of_file_is_one_past_the_last_chunk() -> None:
    plan = plan_chunks(80_000_123)
    assert plan.index_at(80_000_123) == plan.count
    assert plan.is_edge(80_000_123)


@pytest.mark.parametrize("size", [-1, 0, MAX_VIDEO_BYTES + 1])
def test_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(SizeRefused, match=str(size)):
        plan_chunks(size)


@pytest.mark.parametrize("index", [-1, 8])
def test_missing_chunk_is_an_error(index: int) -> None:
    with pytest.raises(IndexError):
        plan_chunks(80_000_123).first(index)


@pytest.mark.parametrize("offset", [-1, 80_000_124])
def test_offset_outside_the_file_is_an_error(offset: int) -> None:
    with pytest.raises(IndexError):
        plan_chunks(80_000_123).index_at(offset)
