"""Headers that are known before the answer is: left in the request, added to whatever answers it."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LEFT = "postbus.answer_headers"


def set_response_header(scope: Scope, headers: Mapping[str, str]) -> None:
    """Have these headers on the answer to this request, be it a success or a problem."""
    scope.setdefault(_LEFT, {}).update(headers)


def response_headers(scope: Scope) -> Mapping[str, str]:
    """Return the headers that the answer to this request is to have."""
    left: Mapping[str, str] = scope.get(_LEFT, {})
    return left


class ResponseHeaders:
    """Adds the headers that were left to an answer as it begins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def begin(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(response_headers(scope))
            await send(message)

        await self._app(scope, receive, begin)
