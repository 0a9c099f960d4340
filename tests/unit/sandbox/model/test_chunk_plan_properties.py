"""Plans for every size from one byte to 4 GiB, against a second reading of the rules."""

from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tiktok_sandbox.model.chunk_plan import LENIENT, STRICT, ChunkLimits, ChunkPlan, plan_error

MEGA = 10**6


MEBI = 2**20


LARGEST = 4 * 1024**3


EDGES = (
    1,
    5 * MEGA,
    5 * MEBI,
    10 * MEGA,
    64 * MEGA,
    64 * MEBI,
    128 * MEGA,
    128 * MEBI,
    1000 * 5 * MEBI,
    1000 * 64 * MEGA,
    4 * 10**9,
    LARGEST,
)


@dataclass(frozen=True)
class Reading:
    """How many bytes a documented number of megabytes is, at its strictest or most generous."""

    least: int
    most: int
    most_last: int


READINGS = {
    "strict": Reading(least=5 * MEBI, most=64 * MEGA, most_last=128 * MEGA),
    "lenient": Reading(least=5 * MEGA, most=64 * MEBI, most_last=128 * MEBI),
}


LIMITS: dict[str, ChunkLimits] = {"strict": STRICT, "lenient": LENIENT}


def laid_out(size: int, chunk_size: int) -> list[int]:
    """Whole chunks while one more fits behind; what is left over goes to the last. Gives up beyond 1000."""
    lengths: list[int] = []
    left = size
    while left >= chunk_size and len(lengths) <= 1000:
        lengths.append(chunk_size)
        left -= chunk_size
    if lengths:
        lengths[-1] += left
    return lengths


def may_be_sent(size: int, chunk_size: int, count: int, reading: Reading) -> bool:
    """The documented rules, said about the chunks a client would have to send."""
    if size < 1 or size > LARGEST or chunk_size < 1:
        return False
    lengths = laid_out(size, chunk_size)
    if len(lengths) != count or not 1 <= count <= 1000:
        return False
    if count == 1:
        # One chunk is the whole file; a file that is itself too small for a chunk is sent like that.
        return lengths == [size] and chunk_size == size and size <= reading.most
    if any(length < reading.least for length in lengths):
        return False
    return max(lengths[:-1]) <= reading.most and chunk_size <= reading.most and lengths[-1] <= reading.most_last


def near(*edges: int) -> st.SearchStrategy[int]:
    return st.sampled_from(edges).flatmap(lambda edge: st.sampled_from([edge, edge - 1, edge + 1]))


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int]:
    """Plans that are right or only just wrong: near every limit, and near multiples of a chunk."""
    chunk_size = draw(near(*EDGES) | st.integers(0, 70 * MEGA) | st.integers(5 * MEGA, 6 * MEGA))
    multiple = st.integers(1, 1002).flatmap(lambda times: near(times * max(chunk_size, 1)))
    size = draw(multiple | near(*EDGES) | st.integers(1, LARGEST))
    chunk_size = draw(st.sampled_from([chunk_size, chunk_size, chunk_size, size]))
    whole = size // max(chunk_size, 1)
    ceiling = -(-size // max(chunk_size, 1))
    count = draw(st.sampled_from([whole, whole, whole, ceiling, whole - 1, whole + 1, 1, 0, 1000, 1001]))
    return size, chunk_size, count


@given(plan=plans(), kind=st.sampled_from(["strict", "lenient"]))
@settings(max_examples=2_000, deadline=None)
@example(plan=(1, 1, 1), kind="strict")
@example(plan=(LARGEST, 64 * MEGA, 67), kind="strict")
@example(plan=(LARGEST + 1, 64 * MEGA, 67), kind="strict")
@example(plan=(64 * MEBI, 64 * MEBI, 1), kind="strict")
@example(plan=(64 * MEBI, 64 * MEBI, 1), kind="lenient")
@example(plan=(15 * MEGA, 10 * MEGA, 1), kind="lenient")
@example(plan=(128 * MEGA - 1, 64 * MEGA, 1), kind="lenient")
@example(plan=(10 * MEBI, 5 * MEBI, 2), kind="strict")
@example(plan=(10 * MEBI - 2, 5 * MEBI - 1, 2), kind="strict")
@example(plan=(10 * MEGA, 5 * MEGA, 2), kind="lenient")
@example(plan=(10 * MEGA - 2, 5 * MEGA - 1, 2), kind="lenient")
@example(plan=(128 * MEGA, 64 * MEGA, 2), kind="strict")
@example(plan=(128 * MEGA + 2, 64 * MEGA + 1, 2), kind="strict")
@example(plan=(50_000_123, 10 * MEGA, 5), kind="strict")
@example(plan=(50_000_123, 10 * MEGA, 6), kind="strict")
def test_plan_is_accepted_exactly_when_its_chunks_are_valid(plan: tuple[int, int, int], kind: str) -> None:
    size, chunk_size, count = plan

    refused = plan_error(ChunkPlan(size=size, chunk_size=chunk_size, count=count), LIMITS[kind])

    assert (refused == "") == may_be_sent(size, chunk_size, count, READINGS[kind]), refused


@given(size=near(*EDGES) | st.integers(1, LARGEST))
@settings(max_examples=500, deadline=None)
def test_every_size_has_a_plan_valid_for_both_megabytes(size: int) -> None:
    whole = size <= 64 * MEGA
    plan = ChunkPlan(size=size, chunk_size=size if whole else 10 * MEGA, count=1 if whole else size // (10 * MEGA))

    fine = [plan_error(plan, limits) == "" for limits in LIMITS.values()]

    assert fine == [1 <= size <= LARGEST] * 2


@given(plan=plans())
@settings(max_examples=500, deadline=None)
def test_strict_plan_is_valid_for_lenient_limits(plan: tuple[int, int, int]) -> None:
    size, chunk_size, count = plan
    candidate = ChunkPlan(size=size, chunk_size=chunk_size, count=count)

    assert plan_error(candidate, LENIENT) == "" or plan_error(candidate, STRICT) != ""
