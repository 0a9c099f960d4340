"""The edge with the sandbox behind it, a clock, and a browser."""

from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx

from auth_service.consent import App, Consents
from auth_service.edge import account_routes, browser_routes
from auth_service.errors import NotDurable
from common.events.account import (
    ConnectRequested,
)
from common.events.body import Body
from common.http import create_app
from common.sealing import Vault
from sandbox.shell import Shell
from tiktok.client import TikTok
from tiktok.models import Grant, UserInfo
from tiktok.outcomes import Outcome, Unknown

AUTH = "http://127.0.0.1:8101"
SANDBOX = "https://sandbox.test"
VAULT = Vault({"one": b"1" * 32})


class View:
    """A whole view that a test fills."""

    def __init__(self) -> None:
        self.bodies: dict[str, Body] = {}
        self.ready = True

    def get(self, account_id: str) -> Body | None:
        return self.bodies.get(account_id)

    def all(self) -> Iterable[tuple[str, Body]]:
        return list(self.bodies.items())


class Journal:
    """Commands that were written; may fail to confirm."""

    def __init__(self) -> None:
        self.written: list[ConnectRequested] = []
        self.confirms = True

    async def write(self, command: ConnectRequested) -> None:
        if not self.confirms:
            raise NotDurable(account_id=command.account_id)
        self.written.append(command)


class Answering:
    """A TikTok that always gives one answer to an exchange."""

    def __init__(self, answer: Outcome[Grant]) -> None:
        self.answer = answer

    async def exchange_code(self, code: str, redirect_uri: str, verifier: str | None) -> Outcome[Grant]:
        return self.answer

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]:
        return Unknown("HTTP 503")


class Nameless:
    """TikTok while its user info is down."""

    def __init__(self, tiktok: TikTok) -> None:
        self.exchange_code = tiktok.exchange_code

    async def user_info(self, token: str, scopes: tuple[str, ...]) -> Outcome[UserInfo]:
        return Unknown("HTTP 503")


class Scene:
    """The edge, the sandbox behind it, a clock, and a browser."""

    def __init__(self, http: httpx.AsyncClient, shell: Shell, *, pkce: bool = True) -> None:
        app = shell.world.settings.app
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        self.client_key = app.client_key
        self.tiktok = TikTok(http, SANDBOX, app.client_key, app.client_secret)
        self.journal = Journal()
        self.accounts, self.credentials = View(), View()
        self.consents = Consents(
            app=App(
                authorize_url=f"{SANDBOX}/v2/auth/authorize/",
                client_key=app.client_key,
                redirect_uri=f"{AUTH}/v1/oauth/callback",
                pkce=pkce,
            ),
            vault=VAULT,
            tiktok=self.tiktok,
            commands=self.journal,
            accounts=self.accounts,
            clock=lambda: self.now,
        )
        edge = create_app(service="auth", ready=dict)
        edge.include_router(
            account_routes(
                consents=self.consents,
                accounts=self.accounts,
                credentials=self.credentials,
                public_url=AUTH,
                clock=lambda: self.now,
            )
        )
        edge.include_router(browser_routes(consents=self.consents, accounts=self.accounts, secure=False))
        self.transport = httpx.ASGITransport(edge)
        self.sandbox = http
        self.browser = self.new_browser()

    def new_browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport, base_url=AUTH)

    async def invite(self, **request: object) -> str:
        answer = await self.browser.post("/v1/accounts/connect", json={"tenant": "acme", **request})
        assert answer.status_code == 200
        return str(answer.json()["authorization_url"])

    async def set_out(self, **request: object) -> str:
        """Follow the invitation to TikTok; return the consent page's address."""
        answer = await self.browser.get(await self.invite(**request))
        assert answer.status_code == 302
        return answer.headers["location"]

    async def consent(self, consent_page: str, **form: str) -> str:
        """Press a button on TikTok's page; return the address the browser is sent back to."""
        page = await self.sandbox.get(consent_page)
        assert page.status_code == 200
        fields = dict(parse_qsl(urlsplit(consent_page).query)) | {"creator": "demo", "decision": "allow"} | form
        answer = await self.sandbox.post(f"{SANDBOX}/v2/auth/authorize/consent", data=fields)
        assert answer.status_code == 302
        return answer.headers["location"]


def result_of(page: httpx.Response) -> str:
    return page.text.split('data-result="')[1].split('"')[0]
