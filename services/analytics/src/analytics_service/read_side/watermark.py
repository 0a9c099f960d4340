"""How far the store is complete: the moment up to which everything of a partition is in it.

Times in the records cannot answer that. The topics are not read in step, and each writer has its own clock. So the
projector notes where all topics end at a moment of its own clock. Once it has written up to there, everything up to
that moment is in the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from common.streams import TopicPartition


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """Where each topic ended at the moment `at`. `stored` once the moment is written to the store."""

    at: datetime
    ends: Mapping[TopicPartition, int]
    stored: bool = False

    def is_reached(self, positions: Mapping[TopicPartition, int]) -> bool:
        """Return whether everything that existed at the moment has been read."""
        return all(positions[partition] >= end for partition, end in self.ends.items())
