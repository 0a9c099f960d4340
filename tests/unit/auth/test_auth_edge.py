"""A browser's way through consent and back, against the sandbox, and every way it may go wrong."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from auth_service.account import Granted
from auth_service.consent import App, Consents
from auth_service.edge import account_routes, browser_routes
from auth_service.errors import NotDurable
from auth_service.grants import open_tokens
from auth_service.machine import interpret
from auth_service.steps import CONSENT_LIFE, INVITATION_LIFE
from auth_service.wiring import check_same_host
from common.errors import SettingsRefused
from common.events.account import (
    AccountDescribed,
    ConnectRequested,
    CredentialIssued,
    CredentialWithdrawn,
    account_id_of,
)
from common.events.body import Body
from common.events.codec import Envelope
from common.http import create_app
from common.sealing import Vault
from sandbox.settings import Settings
from sandbox.shell import Shell
from sandbox.web import build_app
from tiktok.client import TikTok
from tiktok.models import Grant, UserInfo
from tiktok.outcomes import NotSent, Outcome, Refused, Unknown

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


@pytest.fixture
def shell() -> Shell:
    return Shell(Settings(), base_url=SANDBOX)


@pytest.fixture
async def scene(shell: Shell) -> AsyncIterator[Scene]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(shell)), base_url=SANDBOX) as http:
        scene = Scene(http, shell)
        async with scene.browser:
            yield scene


def result_of(page: httpx.Response) -> str:
    return page.text.split('data-result="')[1].split('"')[0]


async def test_a_person_connects_an_account(scene: Scene, shell: Shell) -> None:
    back = await scene.consent(await scene.set_out())
    page = await scene.browser.get(back)
    assert (page.status_code, result_of(page)) == (200, "connected")
    assert "Connected as demo" in page.text
    (command,) = scene.journal.written
    open_id = shell.world.creators.named("demo").open_id
    assert (command.tenant, command.open_id) == ("acme", open_id)
    assert command.account_id == account_id_of(scene.client_key, open_id)
    assert command.scopes == ("user.info.basic", "video.publish", "video.upload", "video.list")
    assert command.display_name == "demo"
    assert command.access_expires_at == scene.now + timedelta(seconds=7_200)
    assert command.refresh_expires_at == scene.now + timedelta(seconds=15_552_000)


async def test_the_pair_reaches_the_worker_sealed(scene: Scene) -> None:
    page = await scene.browser.get(await scene.consent(await scene.set_out()))
    (command,) = scene.journal.written
    addressed = interpret(Envelope(id="1", source="auth", time=None, traceparent=None, body=command))
    assert addressed is not None
    assert isinstance(addressed.fact, Granted)
    tokens = open_tokens(VAULT, addressed.fact.pair, account_id=command.account_id)
    assert tokens.refresh_token.startswith("rft.")
    for secret in (tokens.access_token, tokens.refresh_token):
        assert secret not in repr(command)
        assert secret not in page.text


async def test_the_way_out_carries_pkce_in_hex_and_binds_the_browser(scene: Scene) -> None:
    answer = await scene.browser.get(await scene.invite(scopes=["video.publish"]))
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["scope"], query["code_challenge_method"]) == (["video.publish"], ["S256"])
    assert len(query["code_challenge"][0]) == 64
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["max-age"]) == (True, "lax", "600")
    assert cookie.value not in answer.headers["location"]
    assert cookie["path"] == "/v1/oauth/callback"


async def test_without_pkce_no_challenge_is_sent(scene: Scene, shell: Shell) -> None:
    web = Scene(scene.sandbox, shell, pkce=False)
    async with web.browser:
        assert "code_challenge" not in await web.set_out()


async def test_two_tabs_do_not_disturb_each_other(scene: Scene) -> None:
    first, second = await scene.set_out(), await scene.set_out()
    for page, creator in ((first, "one"), (second, "two")):
        answer = await scene.browser.get(await scene.consent(page, creator=creator))
        assert result_of(answer) == "connected"
    assert len({command.account_id for command in scene.journal.written}) == 2


async def test_a_state_used_twice_proves_nothing(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    await scene.browser.get(back)
    page = await scene.browser.get(back)
    assert (page.status_code, result_of(page)) == (403, "other_browser")
    assert len(scene.journal.written) == 1


async def test_a_state_and_cookie_replayed_meet_a_code_that_is_spent(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    cookies = dict(scene.browser.cookies)
    await scene.browser.get(back)
    async with scene.new_browser() as thief:
        thief.cookies.update(cookies)
        page = await thief.get(back)
    assert (page.status_code, result_of(page)) == (400, "refused")
    assert "invalid_grant" in page.text
    assert len(scene.journal.written) == 1


async def test_another_browser_is_turned_away_and_the_right_one_still_passes(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    async with scene.new_browser() as other:
        page = await other.get(back)
    assert (page.status_code, result_of(page)) == (403, "other_browser")
    assert scene.journal.written == []
    assert result_of(await scene.browser.get(back)) == "connected"


async def test_a_cookie_of_another_flow_does_not_pass(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    (name,) = scene.browser.cookies
    async with scene.new_browser() as other:
        other.cookies.set(name, "guessed", domain="127.0.0.1", path="/v1/oauth/callback")
        page = await other.get(back)
    assert result_of(page) == "other_browser"


async def test_a_consent_that_took_too_long_has_expired(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    scene.now += CONSENT_LIFE
    page = await scene.browser.get(back)
    assert (page.status_code, result_of(page)) == (400, "expired")
    assert scene.journal.written == []


async def test_an_invitation_expires(scene: Scene) -> None:
    url = await scene.invite()
    scene.now += INVITATION_LIFE
    assert result_of(await scene.browser.get(url)) == "expired"


def broken(text: str) -> Iterator[str]:
    yield ""
    yield text[:-4]
    yield text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
    yield "v1.two." + text.split(".", 2)[2]


async def test_altered_slips_are_refused(scene: Scene) -> None:
    ticket = parse_qs(urlsplit(await scene.invite()).query)["ticket"][0]
    state = parse_qs(urlsplit(await scene.set_out()).query)["state"][0]
    for text in (*broken(ticket), state):
        assert result_of(await scene.browser.get("/v1/oauth/start", params={"ticket": text})) == "broken"
    for text in (*broken(state), ticket):
        answer = await scene.browser.get("/v1/oauth/callback", params={"state": text, "code": "x"})
        assert (answer.status_code, result_of(answer)) == (400, "broken")


async def test_a_person_who_says_no_is_told_that_nothing_happened(scene: Scene) -> None:
    page = await scene.browser.get(await scene.consent(await scene.set_out(), decision="cancel"))
    assert (page.status_code, result_of(page)) == (400, "declined")
    assert scene.journal.written == []


async def test_tiktoks_own_refusal_is_shown_and_escaped(scene: Scene) -> None:
    state = parse_qs(urlsplit(await scene.set_out()).query)["state"][0]
    params = {"state": state, "error": "access_denied", "error_type": "<script>non_sandbox_target"}
    page = await scene.browser.get("/v1/oauth/callback", params=params)
    assert result_of(page) == "refused"
    assert "&lt;script&gt;non_sandbox_target" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_a_part_of_the_scopes_connects_and_says_what_is_missing(scene: Scene) -> None:
    page = await scene.browser.get(await scene.consent(await scene.set_out(), chosen="1", granted="video.list"))
    assert "Not granted: video.publish." in page.text
    (command,) = scene.journal.written
    assert (command.scopes, command.display_name) == (("video.list",), "")


@pytest.mark.parametrize(
    ("answer", "status", "result"),
    [
        (Refused(status=400, code="invalid_client", message="", log_id=""), 400, "refused"),
        (NotSent("no connection"), 502, "no_answer"),
        (Unknown("HTTP 503"), 502, "no_answer"),
    ],
)
async def test_no_tokens_no_account(scene: Scene, answer: Outcome[Grant], status: int, result: str) -> None:
    back = await scene.consent(await scene.set_out())
    scene.consents._tiktok = Answering(answer)
    page = await scene.browser.get(back)
    assert (page.status_code, result_of(page)) == (status, result)
    assert scene.journal.written == []


async def test_an_account_without_a_name_is_connected_all_the_same(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    scene.consents._tiktok = Nameless(scene.tiktok)
    page = await scene.browser.get(back)
    (command,) = scene.journal.written
    assert command.display_name == ""
    assert f"Connected as {command.account_id}" in page.text


async def test_another_tenants_account_is_refused_with_why(scene: Scene, shell: Shell) -> None:
    open_id = shell.world.creators.named("demo").open_id
    account_id = account_id_of(scene.client_key, open_id)
    scene.accounts.bodies[account_id] = AccountDescribed(account_id=account_id, tenant="globex", open_id=open_id)
    page = await scene.browser.get(await scene.consent(await scene.set_out()))
    assert (page.status_code, result_of(page)) == (409, "other_tenant")
    assert account_id in page.text
    assert "globex" not in page.text
    assert scene.journal.written == []


async def test_kafka_in_doubt_is_told_as_doubt(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    scene.journal.confirms = False
    page = await scene.browser.get(back)
    assert (page.status_code, result_of(page)) == (503, "not_saved")


async def test_a_code_is_not_spent_before_the_view_is_there(scene: Scene) -> None:
    back = await scene.consent(await scene.set_out())
    scene.accounts.ready = False
    answer = await scene.browser.get(back)
    assert (answer.status_code, answer.json()["code"]) == (503, "starting")
    scene.accounts.ready = True
    assert result_of(await scene.browser.get(back)) == "connected"


# -- what a backend asks


@pytest.mark.parametrize("request_", [{}, {"tenant": ""}, {"tenant": "a b"}, {"tenant": "acme", "scopes": []}])
async def test_a_bad_request_to_connect_is_a_problem(scene: Scene, request_: dict[str, object]) -> None:
    answer = await scene.browser.post("/v1/accounts/connect", json=request_)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_backend_can_wait_for_its_account(scene: Scene) -> None:
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_account")
    described = AccountDescribed(account_id="acc_1", tenant="acme", open_id="-000open", display_name="Demo")
    scene.accounts.bodies["acc_1"] = described
    assert (await scene.browser.get("/v1/accounts/acc_1")).json()["status"] == "connecting"
    ends = scene.now + timedelta(hours=2)
    scene.credentials.bodies["acc_1"] = CredentialIssued(
        account_id="acc_1", version=4, scopes=("video.publish",), expires_at=ends, sealed={"uploader": "h1.secret"}
    )
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert answer.json() == {
        "account_id": "acc_1",
        "tenant": "acme",
        "open_id": "-000open",
        "display_name": "Demo",
        "status": "connected",
        "scopes": ["video.publish"],
        "version": 4,
        "access_expires_at": ends.isoformat().replace("+00:00", "Z"),
        "reason": None,
    }
    scene.now = ends
    assert (await scene.browser.get("/v1/accounts/acc_1")).json()["status"] == "access_expired"
    scene.credentials.bodies["acc_1"] = CredentialWithdrawn(account_id="acc_1", version=5, reason="invalid_grant")
    answer = await scene.browser.get("/v1/accounts/acc_1")
    assert (answer.json()["status"], answer.json()["reason"]) == ("reauthorization_required", "invalid_grant")


async def test_a_tenant_sees_its_own_accounts_alone(scene: Scene) -> None:
    for account_id, tenant in (("acc_2", "acme"), ("acc_1", "acme"), ("acc_3", "globex")):
        scene.accounts.bodies[account_id] = AccountDescribed(account_id=account_id, tenant=tenant, open_id="-000")
    answer = await scene.browser.get("/v1/accounts", params={"tenant": "acme"})
    assert [account["account_id"] for account in answer.json()["accounts"]] == ["acc_1", "acc_2"]


async def test_views_that_are_not_read_yet_answer_nothing(scene: Scene) -> None:
    scene.credentials.ready = False
    for path in ("/v1/accounts/acc_1", "/v1/accounts?tenant=acme"):
        assert (await scene.browser.get(path)).status_code == 503


def test_a_cookie_that_could_not_come_back_is_refused_at_the_start() -> None:
    check_same_host(public_url=AUTH, redirect_uri="http://127.0.0.1:9999/v1/oauth/callback")
    with pytest.raises(SettingsRefused, match="TIKTOK_REDIRECT_URI"):
        check_same_host(public_url=AUTH, redirect_uri="http://localhost:8101/v1/oauth/callback")
