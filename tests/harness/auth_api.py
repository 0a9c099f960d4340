"""The edge with the sandbox behind it, a worker in memory, a clock, and a browser."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from urllib.parse import parse_qsl, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from fastapi import APIRouter
from pydantic import SecretStr

from auth_service.edge_role import EdgeViews, edge_routers
from auth_service.effect_handler import AuthEffectHandler
from auth_service.oauth.consent import Consents
from auth_service.settings import EdgeSettings
from auth_service.tenants.apps import App, Apps
from auth_service.tokens.token_pairs import Recipients
from common.contract.tenant import ApiKeyIssued, Scope, TenantDescribed
from common.http.api_keys import generate_key
from common.http.app import create_app
from fakes.auth_worker import VAULT, InstantWorker
from fakes.tiktok_login import LoginClient
from fakes.views import FakeView
from tiktok.client import TikTok
from tiktok_sandbox.app_context import AppContext

AUTH = "http://127.0.0.1:8101"
SANDBOX = "https://sandbox.test"
BOOTSTRAP = "bootstrap-secret-of-this-test-only"
BEGINNING = datetime(2026, 11, 20, 12, tzinfo=UTC)


class AuthApi:
    """The edge, the sandbox behind it, a clock, and a browser."""

    def __init__(self, http: httpx.AsyncClient, shell: AppContext, *, pkce: bool = True) -> None:
        settings = shell.tables.settings.app
        self.now = BEGINNING
        self.client_key = settings.client_key
        self.tiktok = TikTok(http, SANDBOX, settings.client_key, settings.client_secret)
        self.accounts, self.credentials, self.keys, self.tenants = FakeView(), FakeView(), FakeView(), FakeView()
        own = App(recorded_key=None, client_key=self.client_key, pkce=pkce, client=self.tiktok)
        self.apps = Apps(
            own=own,
            tenants=self.tenants,
            vault=VAULT,
            client_of=lambda key, secret: TikTok(http, SANDBOX, key, secret),
        )
        recipients = Recipients({"uploader": X25519PrivateKey.generate().public_key()})
        effects = AuthEffectHandler(vault=VAULT, recipients=recipients, clients=self.apps, clock=lambda: self.now)
        self.worker = InstantWorker(effects, recipients, lambda: self.now)
        self.worker.views |= {
            "auth.accounts": self.accounts,
            "auth.credentials": self.credentials,
            "auth.api_keys": self.keys,
            "auth.tenants": self.tenants,
        }
        self.consents = Consents(
            apps=self.apps,
            authorize_url=f"{SANDBOX}/v2/auth/authorize/",
            redirect_uri=f"{AUTH}/v1/oauth/callback",
            vault=VAULT,
            commands=self.worker,
            accounts=self.accounts,
            clock=lambda: self.now,
        )
        self.random = Random(7)
        edge = create_app(service="auth", ready=dict)
        for router in self.routers():
            edge.include_router(router)
        self.edge = edge
        self.transport = httpx.ASGITransport(edge)
        self.sandbox = http
        self.browser = self.new_browser()
        self.backend = self.backend_of("acme")
        self.operator = self.client({"Authorization": f"Bearer {BOOTSTRAP}"})

    def routers(self, settings: EdgeSettings | None = None) -> Iterable[APIRouter]:
        """The edge's routes; with a bootstrap secret unless other settings are given."""
        views = EdgeViews(accounts=self.accounts, credentials=self.credentials, keys=self.keys, tenants=self.tenants)
        return edge_routers(
            settings or EdgeSettings(public_url=AUTH, bootstrap_secret=SecretStr(BOOTSTRAP)),
            views=views,
            consents=self.consents,
            commands=self.worker,
            vault=VAULT,
            random_bytes=self.random.randbytes,
            clock=lambda: self.now,
            monotonic=self.seconds,
        )

    def seconds(self) -> float:
        return self.now.timestamp()

    def replace_tiktok(self, client: LoginClient) -> None:
        """Let this answer in TikTok's place from now on."""
        self.apps._own = replace(self.apps._own, client=client)  # type: ignore[arg-type]  # answers what is asked here

    def new_browser(self) -> httpx.AsyncClient:
        return self.client({})

    def client(self, headers: dict[str, str]) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport, base_url=AUTH, headers=headers)

    def backend_of(self, tenant: str, *scopes: Scope, return_urls: tuple[str, ...] = ()) -> httpx.AsyncClient:
        """A backend of a tenant, with a key of its own; with every scope unless some are named."""
        new = generate_key(self.random.randbytes)
        self.keys.bodies[new.key_id] = ApiKeyIssued(
            key_id=new.key_id,
            tenant=tenant,
            name="test",
            scopes=scopes or tuple(Scope),
            issued_at=self.now,
            secret_hash=new.secret_hash,
            requests_per_minute=600,
        )
        described = TenantDescribed(
            tenant=tenant, name=tenant, return_urls=return_urls, created_at=self.now, changed_at=self.now
        )
        self.tenants.bodies.setdefault(tenant, described)
        return self.client({"Authorization": f"Bearer {new.text}"})

    async def connect_link(self, **request: object) -> str:
        answer = await self.backend.post("/v1/accounts/connect", json=request)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["authorization_url"])

    async def open_consent_page(self, **request: object) -> str:
        """Follow the invitation to TikTok; return the consent page's address."""
        answer = await self.browser.get(await self.connect_link(**request))
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

    async def connect(self, creator: str = "demo") -> str:
        """Go all the way; return the account's id."""
        page = await self.browser.get(await self.consent(await self.open_consent_page(), creator=creator))
        assert result_of(page) == "connected"
        return self.worker.connects[-1].account_id


def result_of(page: httpx.Response) -> str:
    return page.text.split('data-result="')[1].split('"')[0]
