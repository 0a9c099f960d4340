"""Auth's edge with a worker and a fake TikTok, reset before each request."""

import asyncio
from collections.abc import Callable
from copy import copy

import httpx

from auth_service.oauth.consent import Redirect
from common.contract.account import AccountDescribed
from common.contract.tenant import Scope
from contracts.http.edges import TENANT, Condition, Edge
from fakes.tiktok_login import AlwaysGranting
from harness.auth_api import BOOTSTRAP, SANDBOX, AuthApi
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.model.settings import Settings

OWN_PAGE = "https://app.acme.example/tiktok"
CONDITIONS = (
    Condition.HEALTHY,
    Condition.NOT_READY,
    Condition.KAFKA_DOWN,
    Condition.WORKER_DOWN,
    Condition.TIKTOK_DOWN,
)


def auth() -> Edge:
    """Build the edge with a tenant, a key, a connected account, and a person on the way to connect it again."""
    shell = AppContext(Settings(), base_url=SANDBOX)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX)
    auth_api = AuthApi(client, shell)
    key_id, key = asyncio.run(_issue(auth_api))
    account_id = asyncio.run(auth_api.connect())
    app = shell.tables.settings.app
    tiktok = AlwaysGranting(client, SANDBOX, app.client_key, app.client_secret)
    tiktok.person = _open_id(auth_api, account_id)
    auth_api.replace_tiktok(tiktok)
    connect_token, redirect = _set_out(auth_api)
    return Edge(
        app=auth_api.edge,
        asgi=auth_api.edge,
        conditions=CONDITIONS,
        prepare=_prepare(auth_api, tiktok),
        often={
            "path.tenant": (TENANT,),
            "path.key_id": (key_id,),
            "path.account_id": (account_id,),
            "query.connect_token": (connect_token,),
            "query.state": (httpx.URL(redirect.url).params["state"],),
            "query.error": ("",),
        },
        always={"body.return_to": ("", OWN_PAGE)},
        credentials={
            "ApiKey": lambda _: {"Authorization": f"Bearer {key}"},
            "BootstrapSecret": lambda _: {"Authorization": f"Bearer {BOOTSTRAP}"},
        },
        headers={"Cookie": f"{redirect.cookie}={redirect.nonce}"},
    )


def _prepare(auth_api: AuthApi, tiktok: AlwaysGranting) -> Callable[[Condition], None]:
    views = (auth_api.accounts, auth_api.credentials, auth_api.keys, auth_api.tenants)
    kept, states = [copy(view.bodies) for view in views], copy(auth_api.worker.states)

    def prepare(condition: Condition) -> None:
        for view, bodies in zip(views, kept, strict=True):
            view.bodies = copy(bodies)
            view.ready = condition is not Condition.NOT_READY
        auth_api.worker.states = copy(states)
        auth_api.worker.log_available = condition is not Condition.KAFKA_DOWN
        auth_api.worker.running = condition is not Condition.WORKER_DOWN
        tiktok.down = condition is Condition.TIKTOK_DOWN

    return prepare


async def _issue(auth_api: AuthApi) -> tuple[str, str]:
    """Make a tenant and a key of it, as operators do; return the key's id and its text."""
    wanted = {"name": "key", "scopes": list(Scope), "requests_per_minute": 1_000_000}
    await auth_api.operator.put(f"/v1/admin/tenants/{TENANT}", json={"name": "Acme", "return_urls": [OWN_PAGE]})
    issued = (await auth_api.operator.post(f"/v1/admin/tenants/{TENANT}/keys", json=wanted)).json()
    return issued["key_id"], issued["key"]


def _open_id(auth_api: AuthApi, account_id: str) -> str:
    account = auth_api.accounts.bodies[account_id]
    assert isinstance(account, AccountDescribed)
    return account.open_id


def _set_out(auth_api: AuthApi) -> tuple[str, Redirect]:
    connect_token = auth_api.consents.make_link(TENANT, ("video.publish",), return_to=OWN_PAGE, by="test")
    redirect = auth_api.consents.start(connect_token)
    assert redirect is not None
    return connect_token, redirect
