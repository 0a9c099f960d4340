"""Responses that end a call without a complete answer."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from typing_extensions import override

from tiktok_sandbox.errors import AnswerLost
from tiktok_sandbox.faults.breakpoints import Breakpoints
from tiktok_sandbox.runtime.protocol import CLOSE_CONNECTION

_DISCONNECT: Final = "http.disconnect"


class ConnectionClosed(Response):
    """Close the connection without a single byte of answer."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _close_connection(scope, "now")
        await _wait_for_disconnect(receive)


class Truncated(Response):
    """Send the beginning of an answer, then close the connection."""

    def __init__(self, whole: Response, after: int) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        # Half of the body by default. At least one byte must be missing, or the client would see a complete answer.
        self._sent = min(after or len(self.body) // 2, max(len(self.body) - 1, 0))

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        await send(start)
        # `more_body` keeps uvicorn from finishing the response properly.
        await send({"type": "http.response.body", "body": bytes(self.body)[: self._sent], "more_body": True})
        _close_connection(scope, "soon")
        await _wait_for_disconnect(receive)


class NoResponse(Response):
    """Send nothing until the client leaves, the rule ends or the server stops.

    When the rule ends first, the connection is closed: an answer after that long would be a third behaviour.
    """

    def __init__(self, holds: Breakpoints, rule_id: str) -> None:
        super().__init__()
        self._holds = holds
        self._rule_id = rule_id

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client_left = asyncio.create_task(_wait_for_disconnect(receive))
        held = asyncio.create_task(self._holds.hold(self._rule_id))
        try:
            await asyncio.wait({client_left, held}, return_when=asyncio.FIRST_COMPLETED)
            # Read before the tasks are cancelled: afterwards both are done.
            is_client_gone = client_left.done()
        finally:
            client_left.cancel()
            held.cancel()
            await asyncio.wait({client_left, held})
        if not is_client_gone:
            await ConnectionClosed()(scope, receive, send)


def _close_connection(scope: Scope, how: str) -> None:
    """Close the connection `now`, or as `soon` as the bytes sent so far are out.

    Raises:
        AnswerLost: the transport has no connection to close, as in tests without a socket.
    """
    cut = scope.get("extensions", {}).get(CLOSE_CONNECTION)
    if cut is None:
        raise AnswerLost
    cut[how]()


async def _wait_for_disconnect(receive: Receive) -> None:
    """Read and drop what the client still sends, until it disconnects."""
    # A server that stops reading never sees the end of the connection.
    while (await receive())["type"] != _DISCONNECT:
        pass
