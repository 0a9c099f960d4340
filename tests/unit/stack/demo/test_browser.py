"""The demo's browser gets through the sandbox's real pages, or names the page that stopped it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from stack.demo.browser import connect, fill_form, parse_page
from stack.demo.errors import ConsentFailed
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings

AUTH = "http://127.0.0.1:8101"
TIKTOK = "https://tiktok.test"
QUERY = {
    "client_key": "sbawpostbusdemo00",
    "response_type": "code",
    "scope": "user.info.basic,video.publish",
    "redirect_uri": f"{AUTH}/v1/oauth/callback",
    "state": "s&1",
    "code_challenge": "0" * 64,
    "code_challenge_method": "S256",
}


class Backend:
    """Auth, as far as a browser sees it."""

    def __init__(self, query: Mapping[str, str]) -> None:
        self.query = query
        self.page = ""
        self.key = ""
        self.came_back: dict[str, str] = {}

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/accounts/connect", self.link, methods=["POST"]),
                Route("/v1/oauth/start", self.start),
                Route("/v1/oauth/callback", self.callback),
            ]
        )

    async def link(self, request: Request) -> Response:
        self.key = request.headers["authorization"]
        return JSONResponse({"authorization_url": f"{AUTH}/v1/oauth/start?ticket=t"})

    async def start(self, _: Request) -> Response:
        if self.page:
            return HTMLResponse(self.page)
        answer = RedirectResponse(f"{TIKTOK}/v2/auth/authorize/?{urlencode(self.query)}", status_code=302)
        answer.set_cookie("nonce", "n", path="/v1/oauth/callback", httponly=True, samesite="lax")
        return answer

    async def callback(self, request: Request) -> Response:
        self.came_back = {**request.query_params, **request.cookies}
        return HTMLResponse("<h1>Connected as <b>Demo</b></h1><p>Account: acc_7</p><p>Close this.</p>")


@pytest.fixture
def backend() -> Backend:
    return Backend(QUERY)


@pytest.fixture
async def web(backend: Backend) -> AsyncIterator[httpx.AsyncClient]:
    stand_in = build_app(AppContext(Settings(), base_url=TIKTOK))
    apps: dict[str, Any] = {AUTH: backend.app(), TIKTOK: stand_in}
    mounts = {url: httpx.ASGITransport(app) for url, app in apps.items()}
    async with httpx.AsyncClient(mounts=mounts, trust_env=False) as client:
        yield client


async def test_connect_returns_with_code_and_cookie(web: httpx.AsyncClient, backend: Backend) -> None:
    page = await connect(web, AUTH, key="pb_of_acme", creator="demo-creator")
    assert (page.headline, page.account_id) == ("Connected as Demo", "acc_7")
    assert backend.key == "Bearer pb_of_acme"
    assert backend.came_back["code"]
    assert backend.came_back["scopes"] == "user.info.basic,video.publish"
    assert (backend.came_back["state"], backend.came_back["nonce"]) == ("s&1", "n")


async def test_connect_refused_names_the_consent_page(web: httpx.AsyncClient, backend: Backend) -> None:
    backend.query = {**QUERY, "client_key": "unknown"}
    with pytest.raises(ConsentFailed, match="the consent page: Something went wrong"):
        await connect(web, AUTH, key="pb_of_acme", creator="demo-creator")


async def test_connect_without_a_form_shows_the_headline(web: httpx.AsyncClient, backend: Backend) -> None:
    backend.page = "<h1>Be right <i>back</i></h1><p>no form</p>"
    with pytest.raises(ConsentFailed, match="the consent page: Be right back"):
        await connect(web, AUTH, key="pb_of_acme", creator="demo-creator")


def test_fill_form_sends_only_ticked_boxes() -> None:
    page = parse_page(
        '<form action="/go"><input type="hidden" name="state" value="a&amp;b">'
        '<input type="checkbox" name="granted" value="one" checked><input type="checkbox" name="granted" value="two">'
        '<input type="checkbox" name="granted" value="three" checked><input name="creator" value="first"></form>'
    )
    assert fill_form(page, creator="second") == {
        "state": ["a&b"],
        "granted": ["one", "three"],
        "creator": ["second"],
        "decision": ["allow"],
    }


def test_page_without_an_account_names_none() -> None:
    assert parse_page("<h1>Your consent has arrived</h1><p>In a moment.</p>").account_id is None
