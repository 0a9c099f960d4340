"""Time limits for a whole response. A socket's own timeout starts again with every byte, so a source could drip."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import httpcore
from typing_extensions import override


class Deadline:
    """The time by which the calling thread must be done with its source. Each thread has its own."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a monotonic clock, in seconds."""
        self._clock = clock
        # Kept connections are shared by threads, so the limit belongs to the reader and not to the connection.
        self._own = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Limit the reads of this thread. `renew` moves the limit."""
        self.renew(seconds)
        try:
            yield
        finally:
            self._own.at = inf

    def renew(self, seconds: float) -> None:
        """Start the limit again from now."""
        self._own.at = self._clock() + seconds

    def shorten(self, timeout: float | None) -> float:
        """Return the timeout of one step, cut down to what is left. Raises `httpcore.ReadTimeout` at the limit."""
        left = float(getattr(self._own, "at", inf)) - self._clock()
        if left <= 0:
            message = "the response took too long"
            raise httpcore.ReadTimeout(message)
        return left if timeout is None else min(timeout, left)


class TimedStream(httpcore.NetworkStream):
    """A connection whose reads end at the deadline of the reading thread."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    @override
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Raises `httpcore.ReadTimeout` at the deadline, however many bytes arrived before."""
        return self._stream.read(max_bytes, self._deadline.shorten(timeout))

    @override
    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not limited: requests are small, and only what a source sends can drip.
        self._stream.write(buffer, timeout)

    @override
    def close(self) -> None:
        self._stream.close()

    @override
    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._deadline)

    @override
    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
