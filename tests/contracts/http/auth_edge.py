"""Auth's edge with a worker and a stand-in TikTok behind it, put back before each request as they were."""

import asyncio
from collections.abc import Callable
from copy import copy

import httpx

from auth_service.consent import Departure
from common.contract.account import AccountDescribed
from common.contract.tenant import Scope
from contracts.http.edges import TENANT, Edge, Weather
from fakes.tiktok_login import Willing
from harness.auth_api import BOOTSTRAP, SANDBOX, Scene
from tiktok_sandbox.app import build_app
from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.model.settings import Settings

OWN_PAGE = "https://app.acme.example/tiktok"
WEATHERS = (Weather.FAIR, Weather.UNREADY, Weather.KAFKA_AWAY, Weather.WORKER_AWAY, Weather.TIKTOK_AWAY)


def auth() -> Edge:
    """Build the edge with a tenant, a key, a connected account, and a person on the way to connect it again."""
    shell = Shell(Settings(), base_url=SANDBOX)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX)
    scene = Scene(client, shell)
    key_id, key = asyncio.run(_issue(scene))
    account_id = asyncio.run(scene.connect())
    app = shell.world.settings.app
    tiktok = Willing(client, SANDBOX, app.client_key, app.client_secret)
    tiktok.person = _open_id(scene, account_id)
    scene.use(tiktok)
    ticket, departure = _set_out(scene)
    return Edge(
        app=scene.edge,
        asgi=scene.edge,
        weathers=WEATHERS,
        begin=_begin(scene, tiktok),
        often={
            "path.tenant": (TENANT,),
            "path.key_id": (key_id,),
            "path.account_id": (account_id,),
            "query.ticket": (ticket,),
            "query.state": (httpx.URL(departure.url).params["state"],),
            "query.error": ("",),
        },
        always={"body.return_to": ("", OWN_PAGE)},
        credentials={
            "ApiKey": lambda _: {"Authorization": f"Bearer {key}"},
            "BootstrapSecret": lambda _: {"Authorization": f"Bearer {BOOTSTRAP}"},
        },
        headers={"Cookie": f"{departure.cookie}={departure.nonce}"},
    )


def _begin(scene: Scene, tiktok: Willing) -> Callable[[Weather], None]:
    views = (scene.accounts, scene.credentials, scene.keys, scene.tenants)
    kept, states = [copy(view.bodies) for view in views], copy(scene.worker.states)

    def begin(weather: Weather) -> None:
        for view, bodies in zip(views, kept, strict=True):
            view.bodies = copy(bodies)
            view.ready = weather is not Weather.UNREADY
        scene.worker.states = copy(states)
        scene.worker.confirms = weather is not Weather.KAFKA_AWAY
        scene.worker.works = weather is not Weather.WORKER_AWAY
        tiktok.away = weather is Weather.TIKTOK_AWAY

    return begin


async def _issue(scene: Scene) -> tuple[str, str]:
    """Make a tenant and a key of it, as operators do; return the key's id and its text."""
    wanted = {"name": "key", "scopes": list(Scope), "requests_per_minute": 1_000_000}
    await scene.operator.put(f"/v1/admin/tenants/{TENANT}", json={"name": "Acme", "return_urls": [OWN_PAGE]})
    issued = (await scene.operator.post(f"/v1/admin/tenants/{TENANT}/keys", json=wanted)).json()
    return issued["key_id"], issued["key"]


def _open_id(scene: Scene, account_id: str) -> str:
    account = scene.accounts.bodies[account_id]
    assert isinstance(account, AccountDescribed)
    return account.open_id


def _set_out(scene: Scene) -> tuple[str, Departure]:
    ticket = scene.consents.invite(TENANT, ("video.publish",), return_to=OWN_PAGE, by="test")
    departure = scene.consents.set_out(ticket)
    assert departure is not None
    return ticket, departure
