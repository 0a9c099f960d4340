"""Sends chunks to TikTok's upload hosts. Blocking on purpose: a thread costs less CPU here than the event loop.

Bytes go through the standard library's HTTP client. Over TLS, in pieces of 512 KiB, it takes 0.94 to 0.97 of curl's
CPU; httpx takes 1.08, as it passes every piece through a state machine (measured like `bench/upload_cpu.py`).
"""

import ssl
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from itertools import chain
from types import TracebackType
from typing import Self

import httpx

from tiktok.connections import ANSWER_SECONDS, Connections
from tiktok.errors import (
    RATE_LIMIT_EXCEEDED,
    UPLOAD_HOST_NOT_ALLOWED,
    UPLOAD_OUT_OF_STEP,
    UPLOAD_REFUSED,
    UPLOAD_UNKNOWN,
    UPLOAD_URL_EXPIRED,
)
from tiktok.results import ChunkResult, NotSent, Refused, Stored, Unknown

_HTTPS_PORT = 443
_ANSWER_BYTES = 64 * 1024

_REFUSALS: dict[int, tuple[str, str]] = {
    HTTPStatus.FORBIDDEN: (UPLOAD_URL_EXPIRED, "The upload URL has expired."),
    HTTPStatus.NOT_FOUND: (UPLOAD_UNKNOWN, "TikTok knows no upload with this URL."),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: (UPLOAD_OUT_OF_STEP, "TikTok expects another byte next."),
    HTTPStatus.TOO_MANY_REQUESTS: (RATE_LIMIT_EXCEEDED, "HTTP 429"),
}


class _Aborted(Exception):
    """The rest of the chunk is not sent, though some of it was."""


class Uploads:
    """Uploads to TikTok's upload hosts. Safe to share between threads; connections are kept between chunks.

    An allowed host is a name (`upload.example`, port 443), a name with its port (`localhost:8443`), or a suffix with
    its dot (`.tiktokapis.com`, port 443).
    """

    def __init__(self, tls: ssl.SSLContext, allowed_hosts: tuple[str, ...] = (".tiktokapis.com",)) -> None:
        self._connections = Connections(tls)
        self._allowed_hosts = tuple(host.lower() for host in allowed_hosts)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the idle connections. A running chunk is stopped by its `stop` event."""
        self._connections.close()

    def put_chunk(
        self,
        upload_url: str,
        *,
        first: int,
        last: int,
        total: int,
        content_type: str,
        pieces: Iterator[bytes],
        stop: threading.Event,
    ) -> ChunkResult:
        """Send the bytes `first` to `last` of `total`, once.

        What `pieces` raises is raised here, after the connection was closed.

        The first piece is fetched before anything is sent, so a source that fails at once leaves no trace at TikTok.
        """
        target = self._allowed(upload_url)
        if target is None:
            message = "The upload URL is not https, or its host is not one of TIKTOK_UPLOAD_HOSTS."
            return Refused(status=0, code=UPLOAD_HOST_NOT_ALLOWED, message=message, log_id="")
        head = next(pieces, b"")
        if stop.is_set():
            return NotSent("stopped before the first byte")
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(last - first + 1),
            "Content-Range": f"bytes {first}-{last}/{total}",
        }
        body = _exactly(last - first + 1, head, pieces, stop)
        try:
            with self._connections.lend(target.raw_host.decode("ascii"), target.port or _HTTPS_PORT) as connection:
                if isinstance(connection, NotSent):
                    return connection
                return _exchange(connection, target.raw_path.decode("ascii"), headers, body, is_last=last == total - 1)
        except _Aborted as why:
            return Unknown(str(why))

    def _allowed(self, upload_url: str) -> httpx.URL | None:
        try:
            url = httpx.URL(upload_url)
        except httpx.InvalidURL:
            return None
        port = url.port or _HTTPS_PORT
        names = {f"{url.host}:{port}"} | ({url.host} if port == _HTTPS_PORT else set())
        by_suffix = port == _HTTPS_PORT and any(
            url.host.endswith(host) for host in self._allowed_hosts if host.startswith(".")
        )
        allowed = by_suffix or not names.isdisjoint(self._allowed_hosts)
        return url if url.scheme == "https" and not url.userinfo and allowed else None


def _exactly(missing: int, head: bytes, pieces: Iterator[bytes], stop: threading.Event) -> Iterator[bytes]:
    for piece in chain((head,), pieces):
        if stop.is_set():
            message = "stopped in the middle of the chunk"
            raise _Aborted(message)
        missing -= len(piece)
        if missing < 0:
            break
        yield piece
    if missing:
        message = "the source yielded more or fewer bytes than the chunk has"
        raise _Aborted(message)


def _exchange(
    connection: HTTPSConnection, path: str, headers: dict[str, str], body: Iterator[bytes], *, is_last: bool
) -> ChunkResult:
    """Make one request on an open connection. No failure here proves that TikTok did not get it."""
    try:
        connection.request("PUT", path, headers=headers)
    except OSError as error:
        connection.close()
        return Unknown(type(error).__name__)
    sent_whole = _send(connection, body)
    try:
        connection.sock.settimeout(ANSWER_SECONDS)
        response = connection.getresponse()
        response.read(_ANSWER_BYTES)
    except (OSError, HTTPException) as error:
        connection.close()
        return Unknown(type(error).__name__)
    if not sent_whole or not response.isclosed():
        connection.close()
    return _read(response.status, response.getheader("x-tt-logid", ""), is_last=is_last)


def _send(connection: HTTPSConnection, body: Iterator[bytes]) -> bool:
    """Return whether all of it was sent. A server may answer and close before it read everything: its answer counts."""
    for piece in body:
        try:
            connection.send(piece)
        except TimeoutError as error:
            message = "TikTok stopped reading in the middle of the chunk"
            raise _Aborted(message) from error
        except OSError:
            return False
    return True


def _read(status: int, log_id: str, *, is_last: bool) -> ChunkResult:
    match status:
        case HTTPStatus.PARTIAL_CONTENT if not is_last:
            return Stored(complete=False)
        # One recorded upload ended with 200 where the documentation has 201.
        case HTTPStatus.CREATED | HTTPStatus.OK if is_last:
            return Stored(complete=True)
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unknown("HTTP 408")
        case _ if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            code, message = _REFUSALS.get(status, (UPLOAD_REFUSED, f"HTTP {status}"))
            return Refused(status=status, code=code, message=message, log_id=log_id)
        case _:
            return Unknown(f"HTTP {status}, log id {log_id}")
