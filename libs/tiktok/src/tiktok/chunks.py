"""Cuts a file into chunks that TikTok accepts."""

from dataclasses import dataclass

from tiktok.errors import SizeRefused
from tiktok.limits import CHUNK_BYTES, MAX_VIDEO_BYTES, ONE_CHUNK_UP_TO_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlan:
    """`count` chunks of `chunk_size` bytes; the last one also holds the remainder."""

    size: int
    chunk_size: int
    count: int

    def first(self, index: int) -> int:
        """Return the offset of the chunk's first byte."""
        if not 0 <= index < self.count:
            message = f"chunk {index} of {self.count}"
            raise IndexError(message)
        return index * self.chunk_size

    def last(self, index: int) -> int:
        """Return the offset of the chunk's last byte, inclusive."""
        end = self.first(index) + self.chunk_size
        return self.size - 1 if index == self.count - 1 else end - 1

    def index_at(self, offset: int) -> int:
        """Return the chunk that byte `offset` belongs to, or `count` for the end of the file."""
        if not 0 <= offset <= self.size:
            message = f"offset {offset} in a file of {self.size} bytes"
            raise IndexError(message)
        # The last chunk also holds the remainder, so a plain division would count one chunk too many.
        return self.count if offset == self.size else min(offset // self.chunk_size, self.count - 1)

    def is_edge(self, offset: int) -> bool:
        """Return whether a chunk begins at `offset`, or the file ends there."""
        index = self.index_at(offset)
        return index == self.count or self.first(index) == offset


def plan_chunks(size: int) -> ChunkPlan:
    """Make a plan that is valid whether TikTok's megabytes are 10^6 or 2^20 bytes.

    TikTok counts `floor(size / chunk_size)` chunks and wants the remainder in the last one; a single chunk must be as
    large as the file. Raises `SizeRefused` for sizes TikTok does not take.
    """
    if not 1 <= size <= MAX_VIDEO_BYTES:
        raise SizeRefused(size)
    if size <= ONE_CHUNK_UP_TO_BYTES:
        return ChunkPlan(size=size, chunk_size=size, count=1)
    return ChunkPlan(size=size, chunk_size=CHUNK_BYTES, count=size // CHUNK_BYTES)
