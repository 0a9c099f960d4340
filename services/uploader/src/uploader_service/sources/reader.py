"""Where bytes come from: an https address read by ranges, blocking, in the thread that sends them on."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from uploader_service.sources.deadline import Deadline
from uploader_service.sources.fetch import Answer, Fetcher
from uploader_service.sources.problems import NotAVideo, SourceFailed, SourceProblem
from uploader_service.sources.ranges import Version, first_part, same_part
from uploader_service.sources.sniff import SNIFFED_BYTES, content_type_of
from uploader_service.sources.ssrf_guard import Resolver, system_resolver

# Measured: below half of this every piece's fixed cost shows; above, the allocator hands each piece's memory back to
# the system, and page faults cost more than fewer pieces save.
PIECE_BYTES = 512 * 1024

# A source that drips would hold a thread and an upload url for its whole hour; these ask for 17 KiB a second.
_PIECE_SECONDS = 30.0
_PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A video that can be read. `validator` is opaque; by it `read` notices that the file is no longer the same."""

    size: int
    validator: str
    content_type: str


class Sources:
    """Reads sources. Safe to share between threads. `trusted` origins (`host:port`) may have any address."""

    def __init__(
        self,
        tls: ssl.SSLContext,
        *,
        trusted: frozenset[str] = frozenset(),
        resolver: Resolver = system_resolver,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deadline = Deadline(clock)
        self._fetcher = Fetcher(tls, trusted, resolver, self._deadline)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Drops the connections."""
        self._fetcher.close()

    def probe(self, url: str) -> Probed | SourceProblem:
        """What is there, judged by its first bytes. May be repeated."""
        try:
            with (
                self._deadline.within(_PROBE_SECONDS),
                self._fetcher.get(url, 0, SNIFFED_BYTES - 1, if_range=None) as answer,
            ):
                part = first_part(answer.response, answer.place)
                head = b"".join(answer.parts(part.length))
        except SourceFailed as failed:
            return failed.problem
        match content_type_of(head):
            case NotAVideo() as problem:
                return problem
            case str(content_type):
                return Probed(size=part.version.size, validator=part.version.text(), content_type=content_type)

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """The bytes `first` to `last` in pieces of about 512 KiB. Raises `SourceFailed`, at any piece."""
        version = Version.parse(validator)
        with (
            self._deadline.within(_PIECE_SECONDS),
            self._fetcher.get(url, first, last, if_range=version.strong_tag) as answer,
        ):
            same_part(answer.response, answer.place, version, first, last)
            yield from self._pieces(answer, last - first + 1)

    def _pieces(self, answer: Answer, length: int) -> Iterator[bytes]:
        parts: list[bytes] = []
        held = 0
        for part in answer.parts(length):
            parts.append(part)
            held += len(part)
            if held >= PIECE_BYTES:
                yield b"".join(parts)
                parts, held = [], 0
                self._deadline.renew(_PIECE_SECONDS)
        if parts:
            yield b"".join(parts)
