"""Reads a source: an https URL by ranges, blocking, in the thread that sends the bytes on."""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from uploader_service.sources.deadline import Deadline
from uploader_service.sources.fetch import Fetcher, SourceResponse
from uploader_service.sources.problems import NotAVideo, SourceFailed, SourceProblem
from uploader_service.sources.ranges import FileVersion, check_range, read_first_range
from uploader_service.sources.sniff import SNIFFED_BYTES, content_type_of
from uploader_service.sources.ssrf_guard import Resolver, system_resolver

# Measured: below half of this every piece's fixed cost shows; above, the allocator hands each piece's memory back to
# the system, and page faults cost more than fewer pieces save.
PIECE_BYTES = 512 * 1024

# A source that drips would hold a thread and an upload URL for its whole hour. This asks for 17 KiB a second.
_PIECE_SECONDS = 30.0
_PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbedSource:
    """A video that can be read. `validator` is opaque; with it `read` notices that the file is another one by then."""

    size: int
    validator: str
    content_type: str


class SourceReader:
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
        """Close the connections."""
        self._fetcher.close()

    def probe(self, url: str) -> ProbedSource | SourceProblem:
        """Check the file by its first bytes. May be repeated."""
        try:
            with (
                self._deadline.within(_PROBE_SECONDS),
                self._fetcher.get(url, 0, SNIFFED_BYTES - 1, if_range=None) as answer,
            ):
                found = read_first_range(answer.response, answer.location)
                head = b"".join(answer.body(found.length))
        except SourceFailed as failed:
            return failed.problem
        match content_type_of(head):
            case NotAVideo() as problem:
                return problem
            case str(content_type):
                version = found.version
                return ProbedSource(size=version.size, validator=version.text(), content_type=content_type)

    def read(self, url: str, first: int, last: int, validator: str) -> Iterator[bytes]:
        """Yield the bytes `first` to `last` in pieces of about 512 KiB. Raises `SourceFailed`, at any piece."""
        version = FileVersion.parse(validator)
        with (
            self._deadline.within(_PIECE_SECONDS),
            self._fetcher.get(url, first, last, if_range=version.strong_tag) as answer,
        ):
            check_range(answer.response, answer.location, version, first, last)
            yield from self._pieces(answer, last - first + 1)

    def _pieces(self, answer: SourceResponse, length: int) -> Iterator[bytes]:
        parts: list[bytes] = []
        held = 0
        for part in answer.body(length):
            parts.append(part)
            held += len(part)
            if held >= PIECE_BYTES:
                yield b"".join(parts)
                parts, held = [], 0
                # The time that TikTok took to accept the piece is not the source's fault.
                self._deadline.renew(_PIECE_SECONDS)
        if parts:
            yield b"".join(parts)
