"""Protects the admin API from pages of other sites in the same browser."""

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_ADMIN_PATH: Final = "/_sandbox/"
# These change nothing, and the browser itself keeps other sites from reading the answers.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_OTHER_SITES: Final = frozenset({"cross-site", "same-site"})


class SameOriginGuard:
    """Refuses requests of which the browser says that another site's page sent them.

    Other clients do not send `Sec-Fetch-Site` and are not affected.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does, or refuse."""
        if _is_from_other_site(scope):
            refused = JSONResponse({"error": "A page of another site may not use the admin API."}, status_code=403)
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_from_other_site(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] in _SAFE_METHODS or not scope["path"].startswith(_ADMIN_PATH):
        return False
    return Headers(scope=scope).get("sec-fetch-site") in _OTHER_SITES
