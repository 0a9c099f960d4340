"""What this process knows of its own sends: which attempts it opened, and whether a last chunk may have left.

An optimisation only. If this memory is lost (restart, takeover), the post is marked `taken_over` and the slower proof
in `docs/delivery.md` applies.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from common.clock import Clock, UtcDatetime
from uploader_service.errors import UploadUrlExpired

MAX_ATTEMPTS_KEPT = 10_000
"""Bounds the memory: an attempt that never becomes complete is not forgotten otherwise.

A forgotten attempt counts as another process's, which costs only the slower proof.
"""


class SentChunks:
    """Attempts that this process opened, with the number of sends of the last chunk that may have left. Thread-safe."""

    def __init__(self) -> None:
        self._last_chunk_sends: dict[str, int] = {}
        # Used on the event loop and in the threads that send.
        self._lock = threading.Lock()

    def record_opened(self, publish_id: str) -> None:
        """Remember an attempt that this process opened. Above the limit the oldest one is forgotten."""
        with self._lock:
            self._last_chunk_sends[publish_id] = 0
            if len(self._last_chunk_sends) > MAX_ATTEMPTS_KEPT:
                del self._last_chunk_sends[next(iter(self._last_chunk_sends))]

    def record_send(self, publish_id: str) -> None:
        """Count a send of the last chunk, before its first byte can leave."""
        with self._lock:
            if publish_id in self._last_chunk_sends:
                self._last_chunk_sends[publish_id] += 1

    def record_aborted_before_first_byte(self, publish_id: str) -> None:
        """Take back the count of a send that ended before its first byte."""
        with self._lock:
            if publish_id in self._last_chunk_sends:
                self._last_chunk_sends[publish_id] -= 1

    def opened_here(self, publish_id: str) -> bool:
        """Return whether this process opened the attempt, and so knows all of its own sends."""
        with self._lock:
            return publish_id in self._last_chunk_sends

    def nothing_sent(self, publish_id: str) -> bool:
        """Return whether this process opened the attempt and no byte of its last chunk left from here."""
        with self._lock:
            return self._last_chunk_sends.get(publish_id) == 0

    def forget(self, publish_id: str) -> None:
        """Forget an attempt that TikTok has in full."""
        with self._lock:
            self._last_chunk_sends.pop(publish_id, None)


@dataclass(slots=True, kw_only=True)
class ChunkBody:
    """The bytes of a chunk while they are being sent. Raises `UploadUrlExpired` for the first piece after `until`.

    A process that was frozen within a send must not finish it when it wakes up: another one may have proved the attempt
    dead by then. `started`: a piece was passed on.
    """

    source: Iterator[bytes]
    until: UtcDatetime | None
    clock: Clock
    started: bool = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece = next(self.source)
        # The time is read after the piece arrived, since waiting for the source may be what took so long.
        if self.until is not None and self.clock() >= self.until:
            raise UploadUrlExpired
        self.started = True
        return piece
