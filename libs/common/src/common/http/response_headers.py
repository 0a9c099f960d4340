"""Sets response headers before there is a response, so that success and error responses both have them."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEY = "postbus.response_headers"
"""Where ASGI's scope of a request keeps them. The scope lives as long as the request."""


def set_response_header(scope: Scope, headers: Mapping[str, str]) -> None:
    """Set headers on the response to this request, whether it succeeds or fails."""
    scope.setdefault(_KEY, {}).update(headers)


def response_headers(scope: Scope) -> Mapping[str, str]:
    """Return the headers that were set for the response to this request."""
    headers: Mapping[str, str] = scope.get(_KEY, {})
    return headers


class ResponseHeaders:
    """Middleware that adds the headers that were set to the response as it starts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""

        async def begin(message: Message) -> None:
            """Send a message, with the headers added to the one that starts the response."""
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(response_headers(scope))
            await send(message)

        await self._app(scope, receive, begin)
