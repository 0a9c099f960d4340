"""TikTok's rules for cutting a video into chunks.

They decide which plans init accepts, and where each chunk must lie.
"""

from typing import Final

from msgspec import Struct

MAX_VIDEO_BYTES: Final = 4 * 1024**3
MAX_CHUNKS: Final = 1000

SIZE_INVALID: Final = "The video size is invalid"
CHUNK_SIZE_INVALID: Final = "The chunk size is invalid"
CHUNK_COUNT_INVALID: Final = "The total chunk count is invalid"


class ChunkLimits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits in bytes.

    The documentation does not say whether its MB are 10**6 or 2**20 bytes.
    """

    smallest: int = 5_242_880
    largest: int = 64_000_000
    largest_last: int = 128_000_000


# Accepts only plans that are valid for both meanings of MB. A client that passes here passes at TikTok in either case.
STRICT: Final = ChunkLimits()
LENIENT: Final = ChunkLimits(smallest=5_000_000, largest=67_108_864, largest_last=134_217_728)


class ChunkPlan(Struct, frozen=True, kw_only=True):
    """The sizes that init announced."""

    size: int
    chunk_size: int
    count: int

    def last_byte(self, first: int) -> int:
        """Return where the chunk that begins at `first` must end.

        The last chunk takes the remainder.
        """
        is_last = first // self.chunk_size >= self.count - 1
        return (self.size if is_last else first + self.chunk_size) - 1


def plan_error(plan: ChunkPlan, limits: ChunkLimits = STRICT) -> str:
    """Return the message with which init rejects a plan; empty if the plan is valid."""
    if not 1 <= plan.size <= MAX_VIDEO_BYTES:
        return SIZE_INVALID
    if plan.chunk_size < 1 or not _chunk_size_fits(plan, limits):
        return CHUNK_SIZE_INVALID
    if not 1 <= plan.count <= MAX_CHUNKS or plan.count != plan.size // plan.chunk_size:
        return CHUNK_COUNT_INVALID
    # The count is rounded down, so the last chunk is between one and two chunk sizes long.
    remainder_and_last = plan.size - plan.chunk_size * (plan.count - 1)
    return CHUNK_SIZE_INVALID if remainder_and_last > limits.largest_last else ""


def _chunk_size_fits(plan: ChunkPlan, limits: ChunkLimits) -> bool:
    """Return whether init accepts this chunk size for a video of this size."""
    is_whole = plan.chunk_size == plan.size
    if plan.count == 1 and not is_whole:
        # Not documented, but TikTok rejects a single chunk that is smaller than the video.
        return False
    # A video below the smallest chunk size is sent in one chunk.
    if is_whole and plan.size < limits.smallest:
        return True
    return limits.smallest <= plan.chunk_size <= limits.largest
