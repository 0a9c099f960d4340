"""HTTP as the stand-in needs it: connections a handler can cut, and bodies that come without a detour."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# How the server hands a connection to whoever must cut it.
CLOSE_CONNECTION: Final = "sandbox.cut"
# How a handler asks for a body's bytes the moment they are read.
SEND_BODY_TO: Final = "sandbox.divert"

BodySink = Callable[[bytes], bool]
"""Takes the next bytes of a body, or answers False: then they and all that follow come by the usual way."""


class DirectProtocol(HttpToolsProtocol):
    """What uvicorn does, without its buffer and two task switches for each piece of an upload."""

    _sink: BodySink | None = None

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._sink = None
        scope = self.scope
        scope["extensions"] = {
            CLOSE_CONNECTION: {"now": self.transport.abort, "soon": self.transport.close},
            SEND_BODY_TO: {"to": lambda feed: self._send_body_to(scope, feed)},
        }

    def _send_body_to(self, scope: object, feed: BodySink) -> None:
        cycle = self.cycle
        # Of pipelined requests only the last one is still being read.
        if cycle.scope is not scope or not cycle.more_body:
            return
        if cycle.body:
            if not feed(bytes(cycle.body)):
                return
            cycle.body = bytearray()
        self._sink = feed

    @override
    def on_body(self, body: bytes) -> None:
        if self._sink is not None and not self.cycle.response_complete:
            if self._sink(body):
                return
            self._sink = None
        super().on_body(body)


def send_body_to(request: Request, feed: BodySink) -> None:
    """Hand what is still to come of a body to `feed` as it is read; `request.stream()` brings the rest, and the end."""
    extension = request.scope.get("extensions", {}).get(SEND_BODY_TO)
    if extension is not None:
        extension["to"](feed)
