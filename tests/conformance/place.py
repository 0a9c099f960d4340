"""The sandbox under test, reached over plain HTTP, and what the suite sets up there for its time."""

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from conformance.outside import PATIENCE, Outside
from conformance.reply import Reply, holds

T = TypeVar("T")

# Far enough apart that no case meets the second by waiting for the first.
PROCESSING = 10.0
PUBLIC = 60.0

FILES = "media.conformance.example"
DEAD = "dead.conformance.example"


class Place:
    """One sandbox for a whole run; cases share it and nothing in it."""

    def __init__(self, url: str, outside: Outside) -> None:
        self.url = url.rstrip("/")
        self.outside = outside
        self._tls = ssl.create_default_context()
        self._http = httpx.Client(base_url=self.url, verify=self._tls, timeout=30.0, trust_env=False)

    def close(self) -> None:
        """No more calls."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        patience: float = 30.0,
    ) -> Reply:
        """Any call, as it stands; a path may be a whole address."""
        answer = self._http.request(
            method, path, content=content, headers=dict(headers or {}), params=query, timeout=patience
        )
        # Cookies belong to browsers, and a case that is one carries them itself.
        self._http.cookies.clear()
        return Reply(status=answer.status_code, headers=answer.headers, body=answer.content)

    def admin(self, method: str, path: str, body: object = None) -> Reply:
        """A call to what TikTok does not have."""
        content = None if body is None else json.dumps(body).encode()
        return self.send(method, f"/_sandbox/{path}", content=content)

    def arrange(self, path: str, body: object) -> dict[str, Any]:
        """Something a case needs to stand on; it has to work."""
        reply = self.admin("POST", path, body)
        holds(reply.status < 300, f"/_sandbox/{path} answered {reply.status} {reply.body[:300]!r}")
        return reply.json

    def advance(self, seconds: float) -> float:
        """Move the sandbox's clock forward; the moment it shows then."""
        return float(self.arrange("clock", {"seconds": seconds})["now"])

    @contextmanager
    def settings(self, **changes: object) -> Iterator[None]:
        """Other settings for a while."""
        before = self.admin("GET", "settings").json
        self.arrange("settings", changes)
        try:
            yield
        finally:
            self.arrange("settings", {name: before[name] for name in changes})

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Time that stands still, delays that can be told apart, our files within reach; then all is as before."""
        clock = self.admin("GET", "clock").json
        resolve = dict.fromkeys((FILES, f"cdn.{FILES}", f"not{FILES}"), self.outside.address)
        pulls = {"allow_http": True, "resolve": {**resolve, DEAD: "127.0.0.1:1"}}
        delays = {"processing": PROCESSING, "public": PUBLIC}
        usual: dict[str, object] = {"lifetimes": {}, "chunk_limits": {}, "webhooks": {}}
        switches = {"oauth_errors_as_200": False, "abandoned": "stuck", "check_media": False}
        self.arrange("clock", {"manual": True})
        with self.settings(delays=delays, pulls=pulls, **usual, **switches):
            yield
        self.arrange("clock", {"factor": clock["factor"], "manual": clock["manual"]})

    def raw(self, request: bytes, *, then: Callable[[], None] | None = None) -> bytes:
        """Bytes on a connection of their own, closed for sending after them; what came back, however it ended."""
        parts = urlsplit(self.url)
        connection = socket.create_connection((parts.hostname or "", parts.port or 443), timeout=PATIENCE)
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


def eventually(ask: Callable[[], T], *, what: str) -> T:
    """Ask again and again until the answer is a yes."""
    end = time.monotonic() + PATIENCE
    while not (answer := ask()):
        holds(time.monotonic() < end, f"waited in vain for {what}; the last answer was {answer!r}")
        time.sleep(0.005)
    return answer
