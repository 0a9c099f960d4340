"""Requests a range of a source's bytes. Redirects are checked like the first URL."""

import re
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import httpcore
import httpx

from uploader_service.sources.deadline import Deadline
from uploader_service.sources.problems import (
    HasCredentials,
    Malformed,
    NoRanges,
    NotHttps,
    SourceFailed,
    TemporarilyUnavailable,
    TooManyRedirects,
)
from uploader_service.sources.ranges import header
from uploader_service.sources.ssrf_guard import GuardedNetwork, Resolver

REDIRECT_LIMIT = 3

# Seconds for each single step. `Deadline` limits what a slow source could add up from them.
_TIMEOUT = {"connect": 10.0, "read": 30.0, "write": 10.0, "pool": 10.0}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SHOWN_PATH = 200

# Checked here, as httpx escapes brackets and other odd characters in a host instead of refusing them.
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_PORTS = frozenset({None, *range(1, 65536)})


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceResponse:
    """A response that is no redirect. `location` is its URL without the query, which may hold a signature."""

    location: str
    response: httpcore.Response

    def body(self, length: int) -> Iterator[bytes]:
        """Yield the body as it arrives: exactly `length` bytes, else it raises `SourceFailed`."""
        missing = length
        for part in self.response.iter_stream():
            missing -= len(part)
            if missing < 0:
                raise SourceFailed(NoRanges(location=self.location, why="sends more bytes than requested"))
            yield part
        if missing:
            raise SourceFailed(TemporarilyUnavailable(location=self.location, why="it stopped sending too early"))


class Fetcher:
    """Connections to sources, kept for a few seconds. Safe to share between threads."""

    def __init__(self, tls: ssl.SSLContext, trusted: frozenset[str], resolver: Resolver, deadline: Deadline) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            network_backend=GuardedNetwork(trusted, resolver, deadline),
            # The caller limits how many sources are read at once; here nothing may queue.
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    @contextmanager
    def get(self, url: str, first: int, last: int, *, if_range: str | None) -> Iterator[SourceResponse]:
        """Request the bytes `first` to `last`. Raises `SourceFailed`, also while the response is read."""
        # `identity`: a compressed body would shift every byte offset.
        headers = {"Range": f"bytes={first}-{last}", "Accept-Encoding": "identity", "User-Agent": "postbus"}
        if if_range is not None:
            headers["If-Range"] = if_range
        target = _parse(url)
        for _ in range(REDIRECT_LIMIT + 1):
            with self._send(target, headers) as response:
                location = header(response, b"location")
                if response.status not in _REDIRECTS or not location:
                    yield SourceResponse(location=_location(target), response=response)
                    return
            target = _parse(location, base=target)
        raise SourceFailed(TooManyRedirects(location=_location(target), limit=REDIRECT_LIMIT))

    @contextmanager
    def _send(self, target: httpx.URL, headers: dict[str, str]) -> Iterator[httpcore.Response]:
        try:
            with closing(self._request(target, headers)) as response:
                yield response
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise SourceFailed(TemporarilyUnavailable(location=_location(target), why=_why(error))) from error

    def _request(self, target: httpx.URL, headers: dict[str, str]) -> httpcore.Response:
        """Return the response up to its headers. A kept connection may be closed at the other end, so try it twice."""
        request = httpcore.Request(
            "GET",
            httpcore.URL(scheme=b"https", host=target.raw_host, port=target.port, target=target.raw_path),
            headers=[("Host", target.netloc), *headers.items()],
            extensions={"timeout": _TIMEOUT},
        )
        try:
            return self._pool.handle_request(request)
        except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
            return self._pool.handle_request(request)


def _why(error: Exception) -> str:
    """Return a reason for people. Errors other than those of connecting would quote raw bytes."""
    match error:
        case httpcore.ConnectError():
            return str(error)
        case httpcore.ReadTimeout():
            return "it sends too slowly"
        case _:
            return f"the connection broke ({type(error).__name__})"


def _parse(text: str, *, base: httpx.URL | None = None) -> httpx.URL:
    """Return a URL that may be requested.

    Redirects come here as well, so that a source cannot lead to a URL that a request may not name.

    Raises:
        SourceFailed: the URL is malformed, not https, or has credentials.
    """
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise SourceFailed(Malformed("it is no valid URL")) from error
    if not url.scheme:
        raise SourceFailed(Malformed("it does not begin with https://"))
    if url.scheme != "https":
        raise SourceFailed(NotHttps(scheme=url.scheme, host=url.host))
    if not url.host:
        raise SourceFailed(Malformed("it names no host"))
    if not _HOST.fullmatch(url.raw_host.decode("ascii")) or url.port not in _PORTS:
        raise SourceFailed(Malformed("its host or port is invalid"))
    # Credentials in a URL could end up in logs and events.
    if url.userinfo:
        raise SourceFailed(HasCredentials(url.host))
    return url


def _location(url: httpx.URL) -> str:
    """Return the URL for messages, without its query.

    The query may hold a signature. A long path is cut off.
    """
    return f"https://{url.netloc.decode('ascii')}{url.path[:_SHOWN_PATH]}"
