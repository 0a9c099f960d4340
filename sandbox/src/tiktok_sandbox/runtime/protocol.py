"""The HTTP connection: handlers can close it, and read bodies unbuffered."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Key of the ASGI extension through which a response closes its connection.
CLOSE_CONNECTION: Final = "sandbox.cut"
# Key of the ASGI extension through which a handler takes body bytes as soon as they are read.
SEND_BODY_TO: Final = "sandbox.divert"

BodySink = Callable[[bytes], bool]
"""Takes the next bytes of a body. False declines: these and all later bytes then arrive through `request.stream()`."""


class DirectProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which can hand the bytes of a body directly to a sink.

    uvicorn buffers each piece and switches tasks twice for it. For uploads of gigabytes that costs more than hashing
    them.
    """

    _sink: BodySink | None = None

    @override
    def on_message_begin(self) -> None:
        """Start a request, and add our two extensions to its scope."""
        super().on_message_begin()
        self._sink = None
        scope = self.scope
        scope["extensions"] = {
            CLOSE_CONNECTION: {"now": self.transport.abort, "soon": self.transport.close},
            SEND_BODY_TO: {"to": lambda feed: self._send_body_to(scope, feed)},
        }

    def _send_body_to(self, scope: object, feed: BodySink) -> None:
        """Hand the buffered bytes to the sink, and all later ones as they are read."""
        cycle = self.cycle
        # The connection may already read the next pipelined request. Its body must not go to this request's sink.
        if cycle.scope is not scope or not cycle.more_body:
            return
        # Bytes that were buffered before the handler asked come first.
        if cycle.body:
            if not feed(bytes(cycle.body)):
                return
            cycle.body = bytearray()
        self._sink = feed

    @override
    def on_body(self, body: bytes) -> None:
        """Give body bytes to the sink, or to uvicorn if there is none or it declines."""
        # After the response is complete, no handler wants the rest of the body.
        if self._sink is not None and not self.cycle.response_complete:
            if self._sink(body):
                return
            self._sink = None
        super().on_body(body)


def send_body_to(request: Request, feed: BodySink) -> None:
    """Hand the rest of a request's body to `sink` as it is read.

    Bytes that the sink declines, and the end of the body, still come through `request.stream()`.
    """
    extension = request.scope.get("extensions", {}).get(SEND_BODY_TO)
    if extension is not None:
        extension["to"](feed)
