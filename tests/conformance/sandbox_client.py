"""The sandbox under test over plain HTTP, and the settings it has during the suite."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from conformance.checks import Reply, check
from conformance.external_server import WAIT_SECONDS, ExternalServer

T = TypeVar("T")

# Far apart: a case that waits for the end of processing must not reach the end of moderation.
PROCESSING = 10.0
PUBLIC = 60.0

FILE_HOST = "media.conformance.example"
DEAD_HOST = "dead.conformance.example"


class SandboxClient:
    """One sandbox for a whole run; cases share it and nothing in it."""

    def __init__(self, url: str, external: ExternalServer) -> None:
        self.url = url.rstrip("/")
        self.external = external
        self._tls = ssl.create_default_context()
        self._http = httpx.Client(base_url=self.url, verify=self._tls, timeout=30.0, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Reply:
        """Send any request; the path may be a full URL."""
        answer = self._http.request(
            method, path, content=content, headers=dict(headers or {}), params=query, timeout=timeout
        )
        # A case that plays a browser sends its cookies itself. Kept cookies would leak into other cases.
        self._http.cookies.clear()
        return Reply(status=answer.status_code, headers=answer.headers, body=answer.content)

    def admin(self, method: str, path: str, body: object = None) -> Reply:
        """Send a request to the admin API."""
        content = None if body is None else json.dumps(body).encode()
        return self.send(method, f"/_sandbox/{path}", content=content)

    def must_post(self, path: str, body: object) -> dict[str, Any]:
        """POST to the admin API; fail if it is refused."""
        reply = self.admin("POST", path, body)
        check(reply.status < 300, f"/_sandbox/{path} answered {reply.status} {reply.body[:300]!r}")
        return reply.json

    def advance(self, seconds: float) -> float:
        """Move the clock forward; return its time."""
        return float(self.must_post("clock", {"seconds": seconds})["now"])

    @contextmanager
    def settings(self, **changes: object) -> Iterator[None]:
        """Change settings for the duration of a block."""
        before = self.admin("GET", "settings").json
        self.must_post("settings", changes)
        try:
            yield
        finally:
            self.must_post("settings", {name: before[name] for name in changes})

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Stop the clock, set delays and map the suite's hosts for the duration of a block; then restore everything."""
        clock = self.admin("GET", "clock").json
        resolve = dict.fromkeys((FILE_HOST, f"cdn.{FILE_HOST}", f"not{FILE_HOST}"), self.external.address)
        pulls = {"allow_http": True, "resolve": {**resolve, DEAD_HOST: "127.0.0.1:1"}}
        delays = {"processing": PROCESSING, "public": PUBLIC}
        usual: dict[str, object] = {"lifetimes": {}, "chunk_limits": {}, "webhooks": {}}
        switches = {"oauth_errors_as_200": False, "abandoned": "stuck", "check_media": False}
        self.must_post("clock", {"manual": True})
        with self.settings(delays=delays, pulls=pulls, **usual, **switches):
            yield
        self.must_post("clock", {"factor": clock["factor"], "manual": clock["manual"]})

    def send_raw(self, request: bytes, *, then: Callable[[], None] | None = None) -> bytes:
        """Send bytes on a connection of their own and close it for sending; return what came back."""
        parts = urlsplit(self.url)
        connection = socket.create_connection((parts.hostname or "", parts.port or 443), timeout=WAIT_SECONDS)
        if parts.scheme == "https":
            connection = self._tls.wrap_socket(connection, server_hostname=parts.hostname)
        found = b""
        with connection:
            connection.sendall(request)
            if then is not None:
                then()
            try:
                connection.shutdown(socket.SHUT_WR)
                while piece := connection.recv(65_536):
                    found += piece
            except OSError:
                return found
        return found


def wait_until(ask: Callable[[], T], *, what: str) -> T:
    """Call `ask` repeatedly until it returns a true value; return that."""
    end = time.monotonic() + WAIT_SECONDS
    while not (answer := ask()):
        check(time.monotonic() < end, f"waited in vain for {what}; the last answer was {answer!r}")
        time.sleep(0.005)
    return answer
