"""The suite's own server on loopback: files for TikTok to fetch, and an address for its webhooks."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How to answer; after `pause_after` bytes the server waits until it is told to go on."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pause_after: int | None = None
    length: int | None = None


class Outside:
    """Answers each path as it was told: one after another, the last for ever; unknown ones with 404."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Told]] = {}
        self._heard: dict[str, list[Heard]] = defaultdict(list)
        self._news = threading.Condition()
        self._go_on = threading.Event()
        outside = self

        class Handler(_Handler):
            owner = outside

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go_on.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def tell(self, path: str, *answers: Told) -> None:
        """From now on this path answers so."""
        self._answers[path] = list(answers)

    def heard(self, path: str) -> list[Heard]:
        """What came for a path so far."""
        with self._news:
            return list(self._heard[path])

    def wait(self, path: str, enough: Callable[[list[Heard]], bool]) -> list[Heard]:
        """What came for a path, once it is enough or patience is over."""
        with self._news:
            self._news.wait_for(lambda: enough(self._heard[path]), timeout=PATIENCE)
            return list(self._heard[path])

    def take(self, request: Heard) -> Told:
        """Remember a request; how to answer it."""
        with self._news:
            self._heard[request.path].append(request)
            self._news.notify_all()
            answers = self._answers.get(request.path, [Told(status=404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def pause(self) -> None:
        """Wait for the end of the suite."""
        self._go_on.wait()


class _Handler(BaseHTTPRequestHandler):
    owner: Outside
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = self.owner.take(Heard(method=self.command, path=self.path, headers=headers, body=body))
        self.close_connection = True
        try:
            self._send(told)
        except ConnectionError:
            return

    def _send(self, told: Told) -> None:
        self.send_response(told.status)
        length = len(told.body) if told.length is None else told.length
        for name, value in {**told.headers, "Content-Length": str(length), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        if told.pause_after is None:
            self.wfile.write(told.body)
            return
        self.wfile.write(told.body[: told.pause_after])
        self.wfile.flush()
        self.owner.pause()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nobody reads it."""


def sha256(content: bytes) -> str:
    """As the ledger writes it."""
    return hashlib.sha256(content).hexdigest()
