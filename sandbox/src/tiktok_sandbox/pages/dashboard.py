"""The dashboard: one page that reads the sandbox's state once a second.

It loads nothing from other hosts, so it works without a network.
"""

import base64
import hashlib
from importlib import resources
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tiktok_sandbox.app_context import AppContext, Handler
from tiktok_sandbox.pages.overview import overview

_STATIC: Final = resources.files("tiktok_sandbox.pages") / "static"
_STYLE: Final = (_STATIC / "page.css").read_text()
_SCRIPT: Final = (_STATIC / "page.js").read_text()
_PAGE: Final = (_STATIC / "page.html").read_text().replace("/*style*/", _STYLE).replace("/*script*/", _SCRIPT)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# Only exactly this script and style may run. A title cannot inject another.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_source(_SCRIPT)}",
        f"style-src {_source(_STYLE)}",
        "connect-src 'self'",
        "media-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def dashboard_routes(context: AppContext) -> list[Route]:
    """Return the routes of the page and of its data."""
    return [
        Route("/_sandbox/", _page),
        Route("/_sandbox/overview", _overview(context)),
    ]


async def _page(_: Request) -> Response:
    return HTMLResponse(_PAGE, headers=_HEADERS)


def _overview(context: AppContext) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(overview(context, request.query_params.get("username", "")))

    return handle
