"""What this process knows first hand of its sends: which attempts it opened, and whether a last chunk may have left.

Nothing is decided by it that is not safe without it: a process that lost it says that it took the attempt over.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from common.clock import Clock, UtcDatetime
from uploader_service.errors import UrlOver

MOST_REMEMBERED = 10_000


class Sends:
    """Attempts that this process opened, and how many sends of each one's last chunk may have left. For threads."""

    def __init__(self) -> None:
        self._in_doubt: dict[str, int] = {}
        self._lock = threading.Lock()

    def opened(self, publish_id: str) -> None:
        """Remember an attempt of our own; the oldest is forgotten for it if there are too many."""
        with self._lock:
            self._in_doubt[publish_id] = 0
            if len(self._in_doubt) > MOST_REMEMBERED:
                del self._in_doubt[next(iter(self._in_doubt))]

    def begin(self, publish_id: str) -> None:
        """A send of the last chunk begins: from here it may have left."""
        with self._lock:
            if publish_id in self._in_doubt:
                self._in_doubt[publish_id] += 1

    def came_to_nothing(self, publish_id: str) -> None:
        """That send ended before its first byte."""
        with self._lock:
            if publish_id in self._in_doubt:
                self._in_doubt[publish_id] -= 1

    def first_hand(self, publish_id: str) -> bool:
        """Whether this process opened the attempt, and so knows all of its own sends."""
        with self._lock:
            return publish_id in self._in_doubt

    def none_left(self, publish_id: str) -> bool:
        """Whether this process opened the attempt and not one byte of its last chunk left from here."""
        with self._lock:
            return self._in_doubt.get(publish_id) == 0

    def forget(self, publish_id: str) -> None:
        """The attempt is whole."""
        with self._lock:
            self._in_doubt.pop(publish_id, None)


@dataclass(slots=True, kw_only=True)
class Pieces:
    """A chunk's bytes on their way. `begun`: some were handed on. Raises `UrlOver` instead of the first piece too late.

    A process that is frozen within a send must not end it when it wakes: others may have proved the attempt dead.
    """

    source: Iterator[bytes]
    until: UtcDatetime | None
    clock: Clock
    begun: bool = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece = next(self.source)
        if self.until is not None and self.clock() >= self.until:
            raise UrlOver
        self.begun = True
        return piece
