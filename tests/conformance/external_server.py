"""The suite's own server on loopback: files to download, and webhook URLs."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedResponse:
    """How to answer. After `pause_after` bytes the server waits for the end of the suite."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pause_after: int | None = None
    length: int | None = None


class ExternalServer:
    """Answers each path with its planned responses in order, the last one repeatedly; other paths with 404."""

    def __init__(self) -> None:
        self._answers: dict[str, list[PlannedResponse]] = {}
        self._received: dict[str, list[ReceivedRequest]] = defaultdict(list)
        self._news = threading.Condition()
        self._go_on = threading.Event()
        external = self

        class Handler(_Handler):
            owner = external

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

    def respond_with(self, path: str, *answers: PlannedResponse) -> None:
        """Set the responses of a path."""
        self._answers[path] = list(answers)

    def requests(self, path: str) -> list[ReceivedRequest]:
        """Return the requests to a path so far."""
        with self._news:
            return list(self._received[path])

    def wait(self, path: str, enough: Callable[[list[ReceivedRequest]], bool]) -> list[ReceivedRequest]:
        """Return the requests to a path once they are enough, or the time is over."""
        with self._news:
            self._news.wait_for(lambda: enough(self._received[path]), timeout=WAIT_SECONDS)
            return list(self._received[path])

    def take(self, request: ReceivedRequest) -> PlannedResponse:
        """Record a request and return its response."""
        with self._news:
            self._received[request.path].append(request)
            self._news.notify_all()
            answers = self._answers.get(request.path, [PlannedResponse(status=404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    def pause(self) -> None:
        """Wait for the end of the suite."""
        self._go_on.wait()


class _Handler(BaseHTTPRequestHandler):
    owner: ExternalServer
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
        response = self.owner.take(ReceivedRequest(method=self.command, path=self.path, headers=headers, body=body))
        self.close_connection = True
        try:
            self._send(response)
        except ConnectionError:
            return

    def _send(self, response: PlannedResponse) -> None:
        self.send_response(response.status)
        length = len(response.body) if response.length is None else response.length
        for name, value in {**response.headers, "Content-Length": str(length), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        if response.pause_after is None:
            self.wfile.write(response.body)
            return
        self.wfile.write(response.body[: response.pause_after])
        self.wfile.flush()
        self.owner.pause()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Log nothing."""


def sha256(content: bytes) -> str:
    """Return the hash as the ledger shows it."""
    return hashlib.sha256(content).hexdigest()
