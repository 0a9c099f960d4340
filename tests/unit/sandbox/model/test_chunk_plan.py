"""Which plans init accepts: the documented rules, checked against a second reading of them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.chunk_plan import LENIENT, STRICT, ChunkLimits, ChunkPlan, plan_error
from tiktok_sandbox.model.uploads import ChunkHeaders, IncomingChunk, Upload, check_headers, new_upload, store_chunk

MEGA = 1_000_000


def cut(size: int, chunk_size: int) -> list[int]:
    """The documented way to cut: whole chunks, and the remainder joins the last."""
    count = size // chunk_size
    return [chunk_size] * (count - 1) + [chunk_size + size % chunk_size] if count else []


def documented(plan: ChunkPlan, limits: ChunkLimits) -> bool:
    """The rules, read from the chunks a plan leads to instead of from its numbers."""
    if not 1 <= plan.size <= 4 * 1024**3 or plan.chunk_size <= plan.size / 1001:
        return False
    lengths = cut(plan.size, plan.chunk_size)
    if len(lengths) != plan.count or not 1 <= len(lengths) <= 1000:
        return False
    if len(lengths) == 1:
        return plan.chunk_size == plan.size <= limits.largest
    *others, last = lengths
    return all(limits.smallest <= each <= limits.largest for each in others) and last <= limits.largest_last


def _near(*edges: int) -> st.SearchStrategy[int]:
    return st.sampled_from(edges).flatmap(lambda edge: st.integers(edge - 3, edge + 3))


_SIZES = st.integers(0, 5 * 1024**3) | _near(3, 5 * MEGA, 5_242_880, 64 * MEGA, 128 * MEGA, 4 * 1024**3)


_CHUNKS = st.integers(0, 140 * MEGA) | _near(3, 5 * MEGA, 5_242_880, 64 * MEGA, 67_108_864, 128 * MEGA)


@st.composite
def plans(draw: st.DrawFn, sizes: st.SearchStrategy[int], chunks: st.SearchStrategy[int]) -> ChunkPlan:
    """Mostly plans that are right or just wrong: floor, ceiling, one chunk."""
    size = draw(sizes)
    chunk_size = draw(chunks | st.just(size))
    floor = size // max(chunk_size, 1)
    count = draw(st.sampled_from([floor, floor, floor + 1, floor - 1, 1]) | st.integers(-1, 1_100))
    return ChunkPlan(size=size, chunk_size=chunk_size, count=count)


TINY = ChunkLimits(smallest=5, largest=64, largest_last=128)


def _put(upload: Upload, first: int, last: int, total: int) -> IncomingChunk | Answer:
    head = ChunkHeaders(
        content_type="video/mp4", content_length=str(last - first + 1), content_range=f"bytes {first}-{last}/{total}"
    )
    return check_headers("1", upload, head, 0.0)


@pytest.mark.parametrize(
    ("size", "chunk_size", "count", "message"),
    [
        (50_000_123, 10 * MEGA, 5, ""),
        (50_000_123, 10 * MEGA, 6, "The total chunk count is invalid"),
        (64 * MEGA, 64 * MEGA, 1, ""),
        (64 * MEGA + 1, 64 * MEGA + 1, 1, "The chunk size is invalid"),
        (15 * MEGA, 10 * MEGA, 1, "The chunk size is invalid"),
        (3 * MEGA, 3 * MEGA, 1, ""),
        (3 * MEGA, MEGA, 3, "The chunk size is invalid"),
        (10 * MEGA, 5 * MEGA, 2, "The chunk size is invalid"),
        (127_999_999, 64 * MEGA, 1, "The chunk size is invalid"),
        (0, 0, 0, "The video size is invalid"),
        (4 * 1024**3 + 1, 10 * MEGA, 429, "The video size is invalid"),
        (4 * 1024**3, 10 * MEGA, 429, ""),
        (100, 0, 1, "The chunk size is invalid"),
    ],
)
def test_plan_of_known_sizes_is_accepted_or_rejected(size: int, chunk_size: int, count: int, message: str) -> None:
    assert plan_error(ChunkPlan(size=size, chunk_size=chunk_size, count=count)) == message


def test_plan_valid_for_one_meaning_of_megabyte_needs_leniency() -> None:
    plan = ChunkPlan(size=10 * MEGA, chunk_size=5 * MEGA, count=2)

    assert plan_error(plan, STRICT)
    assert not plan_error(plan, LENIENT)


def test_last_chunk_has_its_own_limit() -> None:
    limits = ChunkLimits(smallest=5, largest=64, largest_last=70)

    assert not plan_error(ChunkPlan(size=134, chunk_size=64, count=2), limits)
    assert plan_error(ChunkPlan(size=135, chunk_size=64, count=2), limits) == "The chunk size is invalid"


@given(plans(_SIZES, _CHUNKS), st.sampled_from([STRICT, LENIENT]))
def test_plan_is_accepted_exactly_when_the_rules_allow_it(plan: ChunkPlan, limits: ChunkLimits) -> None:
    assert (plan_error(plan, limits) == "") == documented(plan, limits)


@given(st.binary(min_size=1, max_size=400), st.integers(5, 64) | st.none())
def test_exactly_the_chunks_of_an_accepted_plan_are_accepted(content: bytes, chunk_size: int | None) -> None:
    size = len(content)
    chosen = chunk_size or size
    lengths = cut(size, chosen)
    plan = ChunkPlan(size=size, chunk_size=chosen, count=len(lengths))
    if plan_error(plan, TINY):
        return
    upload = new_upload(publish_id="p", token="t", plan=plan, expires_at=1.0)
    for length in lengths:
        first, last = upload.stored, upload.stored + length - 1
        for wrong in (
            (first, last + 1, size),
            (first, last - 1, size),
            (first + 1, last, size),
            (first, last, size + 1),
        ):
            assert isinstance(_put(upload, *wrong), Answer)
        incoming = _put(upload, first, last, size)
        assert isinstance(incoming, IncomingChunk)
        incoming.feed(content[first : last + 1])
        stored = store_chunk(upload, incoming, 0.0)
        assert isinstance(stored, Upload)
        upload = stored

    assert upload.complete
    assert upload.digest.hexdigest() == hashlib.sha256(content).hexdigest()
    assert isinstance(_put(upload, 0, size - 1, size), Answer)
