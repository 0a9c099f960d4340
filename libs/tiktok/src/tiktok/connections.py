"""TLS connections for uploads: used by one request at a time, and kept open for a few seconds in between."""

import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPSConnection

from tiktok.results import NotSent

CONNECT_SECONDS = 10.0
SEND_SECONDS = 60.0
"""Limit of one wait while sending, not of the whole chunk: a slow but steady upload goes on."""
ANSWER_SECONDS = 120.0
"""Limit of one wait for the answer. It counts from the end of sending, so a long upload does not use it up."""

# Shorter than servers keep idle connections, so that a request rarely gets one that is being closed.
_IDLE_SECONDS = 5.0


class Connections:
    """Connections by host and port. Safe to share between threads."""

    def __init__(self, tls: ssl.SSLContext, clock: Callable[[], float] = time.monotonic) -> None:
        self._tls = tls
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, int], list[tuple[float, HTTPSConnection]]] = {}

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for kept in idle.values():
            for _, connection in kept:
                connection.close()

    @contextmanager
    def lend(self, host: str, port: int) -> Iterator[HTTPSConnection | NotSent]:
        """Yield an open connection, or why there is none. Close it if it cannot take another request."""
        connection = self._take(host, port) or self._connect(host, port)
        if isinstance(connection, NotSent):
            yield connection
            return
        try:
            yield connection
        # A request may be half written. The next one here would be read as the rest of it.
        except BaseException:
            connection.close()
            raise
        self._give_back(host, port, connection)

    def _take(self, host: str, port: int) -> HTTPSConnection | None:
        """Return a kept connection that is still open, and close those that are not."""
        with self._lock:
            kept = self._idle.get((host, port), [])
            while kept:
                # The newest first: the server is least likely to have closed it.
                since, connection = kept.pop()
                if self._clock() - since < _IDLE_SECONDS and not _hung_up(connection):
                    # The last request left the longer limit of waiting for an answer.
                    connection.sock.settimeout(SEND_SECONDS)
                    return connection
                connection.close()
        return None

    def _connect(self, host: str, port: int) -> HTTPSConnection | NotSent:
        """Open a connection. A failure here proves that TikTok got no byte of the request."""
        connection = HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=self._tls)
        # Otherwise a request on a closed connection would silently open another one and send half a chunk there.
        connection.auto_open = 0
        try:
            connection.connect()
        # UnicodeError: a name that cannot be encoded for DNS.
        except (OSError, UnicodeError) as error:
            connection.close()
            return NotSent(f"no connection: {error}")
        connection.sock.settimeout(SEND_SECONDS)
        return connection

    def _give_back(self, host: str, port: int, connection: HTTPSConnection) -> None:
        """Keep the connection, unless the exchange has closed it."""
        if connection.sock is not None:
            with self._lock:
                self._idle.setdefault((host, port), []).append((self._clock(), connection))


def _hung_up(connection: HTTPSConnection) -> bool:
    """Return whether the server closed an idle connection, or sent what no request asked for."""
    # An idle connection has nothing to read, so readable means that it is unusable.
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
