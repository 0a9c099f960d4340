"""Sends chunks. Blocking on purpose: it belongs into a thread, where it costs less CPU than an event loop does."""

import ssl
import threading
from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from types import TracebackType
from typing import Self

import httpx

from tiktok.answers import not_answered
from tiktok.errors import (
    RATE_LIMIT_EXCEEDED,
    UPLOAD_HOST_NOT_ALLOWED,
    UPLOAD_OUT_OF_STEP,
    UPLOAD_REFUSED,
    UPLOAD_UNKNOWN,
    UPLOAD_URL_EXPIRED,
)
from tiktok.outcomes import ChunkOutcome, NotSent, Refused, Stored, Unknown

_TIMEOUT = httpx.Timeout(60.0, connect=10.0, read=120.0)
_HTTPS_PORT = 443

_REFUSALS: dict[int, tuple[str, str]] = {
    HTTPStatus.FORBIDDEN: (UPLOAD_URL_EXPIRED, "the upload url has expired"),
    HTTPStatus.NOT_FOUND: (UPLOAD_UNKNOWN, "TikTok knows no upload of this url"),
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: (UPLOAD_OUT_OF_STEP, "TikTok is at another byte"),
    HTTPStatus.TOO_MANY_REQUESTS: (RATE_LIMIT_EXCEEDED, "HTTP 429"),
}


class _BrokenOff(Exception):
    """No more bytes are sent, though some have been."""


class Uploads:
    """Uploads to TikTok's upload hosts. Safe to share between threads; connections are kept between chunks.

    An allowed host is a name (`upload.example`, port 443), a name with its port (`localhost:8443`), or a suffix with
    its dot (`.tiktokapis.com`, port 443).
    """

    def __init__(self, tls: ssl.SSLContext, allowed_hosts: tuple[str, ...] = (".tiktokapis.com",)) -> None:
        self._http = httpx.Client(
            verify=tls, timeout=_TIMEOUT, trust_env=False, limits=httpx.Limits(max_connections=None)
        )
        self._allowed_hosts = tuple(host.lower() for host in allowed_hosts)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drops the connections. A chunk that is on its way ends as `Unknown`."""
        self._http.close()

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
    ) -> ChunkOutcome:
        """Sends the bytes `first` to `last` of `total`, once. What `pieces` raises is raised here, after a break-off.

        The first piece is fetched before anything is sent, so a source that fails at once leaves no trace at TikTok.
        """
        target = self._allowed(upload_url)
        if target is None:
            message = "the upload url is not https or its host is not one of TikTok's"
            return Refused(status=0, code=UPLOAD_HOST_NOT_ALLOWED, message=message, log_id="")
        head = next(pieces, b"")
        if stop.is_set():
            return NotSent("stopped before the first byte")
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(last - first + 1),
            "Content-Range": f"bytes {first}-{last}/{total}",
        }
        try:
            body = _exactly(last - first + 1, head, pieces, stop)
            response = self._http.put(target, content=body, headers=headers)
        except httpx.HTTPError as error:
            return not_answered(error)
        except _BrokenOff as why:
            return Unknown(str(why))
        return _read(response, is_last=last == total - 1)

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
            raise _BrokenOff(message)
        missing -= len(piece)
        if missing < 0:
            break
        yield piece
    if missing:
        message = "the source handed out more or fewer bytes than the chunk has"
        raise _BrokenOff(message)


def _read(response: httpx.Response, *, is_last: bool) -> ChunkOutcome:
    status = response.status_code
    log_id = response.headers.get("x-tt-logid", "")
    match status:
        case HTTPStatus.PARTIAL_CONTENT if not is_last:
            return Stored(complete=False)
        # One recorded upload ended with 200 where the documentation has 201.
        case HTTPStatus.CREATED | HTTPStatus.OK if is_last:
            return Stored(complete=True)
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unknown("HTTP 408")
        case _ if response.is_client_error:
            code, message = _REFUSALS.get(status, (UPLOAD_REFUSED, f"HTTP {status}"))
            return Refused(status=status, code=code, message=message, log_id=log_id)
        case _:
            return Unknown(f"HTTP {status}, log id {log_id}")
