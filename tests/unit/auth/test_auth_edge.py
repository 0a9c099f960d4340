"""A browser's way through consent and back, against the sandbox, and every way it may go wrong."""

from collections.abc import Iterator
from datetime import timedelta
from html import escape
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest

from auth_service import facts
from auth_service.oauth.oauth_state import CONSENT_LIFETIME, LINK_LIFETIME
from auth_service.tokens.token_pairs import open_tokens
from auth_service.translate import translate
from common.contract.account import (
    AccountConnectRefused,
    AccountDescribed,
    account_id_of,
)
from common.contract.codec import Envelope
from fakes.auth_worker import VAULT
from fakes.tiktok_login import FixedExchange, ProfileUnavailable
from harness.auth_api import AuthApi, result_of
from tiktok.models import TokenResponse
from tiktok.results import CallResult, NotSent, Refused, Unknown
from tiktok_sandbox.app_context import AppContext

REDIRECT = "Redirect_uri is not matched with the uri when requesting code."


async def test_a_person_connects_an_account(auth_api: AuthApi, shell: AppContext) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (200, "connected")
    assert "Connected as demo" in page.text
    (command,) = auth_api.worker.connects
    open_id = shell.tables.creators.get_or_create("demo").open_id
    assert (command.tenant, command.open_id) == ("acme", open_id)
    assert command.account_id == account_id_of(auth_api.client_key, open_id)
    assert command.scopes == ("user.info.basic", "video.publish", "video.upload", "video.list")
    assert command.display_name == "demo"
    assert command.access_expires_at == auth_api.now + timedelta(seconds=7_200)
    assert command.refresh_expires_at == auth_api.now + timedelta(seconds=15_552_000)


async def test_the_pair_reaches_the_worker_sealed(auth_api: AuthApi) -> None:
    page = await auth_api.browser.get(await auth_api.consent(await auth_api.open_consent_page()))
    (command,) = auth_api.worker.connects
    addressed = translate(Envelope(id="1", source="auth", time=None, traceparent=None, body=command))
    assert addressed is not None
    assert isinstance(addressed.fact, facts.Consented)
    tokens = open_tokens(VAULT, addressed.fact.pair, account_id=command.account_id)
    assert tokens.refresh_token.startswith("rft.")
    for secret in (tokens.access_token, tokens.refresh_token):
        assert secret not in repr(command)
        assert secret not in page.text


async def test_the_way_out_carries_pkce_in_hex_and_binds_the_browser(auth_api: AuthApi) -> None:
    answer = await auth_api.browser.get(await auth_api.connect_link(scopes=["video.publish"]))
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["scope"], query["code_challenge_method"]) == (["video.publish"], ["S256"])
    assert len(query["code_challenge"][0]) == 64
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (cookie["httponly"], cookie["samesite"].lower(), cookie["max-age"]) == (True, "lax", "600")
    assert cookie.value not in answer.headers["location"]
    assert cookie["path"] == "/v1/oauth/callback"


async def test_without_pkce_no_challenge_is_sent(auth_api: AuthApi, shell: AppContext) -> None:
    web = AuthApi(auth_api.sandbox, shell, pkce=False)
    async with web.browser:
        assert "code_challenge" not in await web.open_consent_page()


async def test_two_tabs_do_not_disturb_each_other(auth_api: AuthApi) -> None:
    first, second = await auth_api.open_consent_page(), await auth_api.open_consent_page()
    for page, creator in ((first, "one"), (second, "two")):
        answer = await auth_api.browser.get(await auth_api.consent(page, creator=creator))
        assert result_of(answer) == "connected"
    assert len({command.account_id for command in auth_api.worker.connects}) == 2


async def test_a_state_used_twice_proves_nothing(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    await auth_api.browser.get(back)
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (403, "other_browser")
    assert len(auth_api.worker.connects) == 1


async def test_a_state_and_cookie_replayed_meet_a_code_that_is_spent(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    cookies = dict(auth_api.browser.cookies)
    await auth_api.browser.get(back)
    async with auth_api.new_browser() as thief:
        thief.cookies.update(cookies)
        page = await thief.get(back)
    assert (page.status_code, result_of(page)) == (400, "code_expired")
    assert len(auth_api.worker.connects) == 1


async def test_another_browser_is_turned_away_and_the_right_one_still_passes(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    async with auth_api.new_browser() as other:
        page = await other.get(back)
    assert (page.status_code, result_of(page)) == (403, "other_browser")
    assert auth_api.worker.connects == []
    assert result_of(await auth_api.browser.get(back)) == "connected"


async def test_a_cookie_of_another_flow_does_not_pass(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    (name,) = auth_api.browser.cookies
    async with auth_api.new_browser() as other:
        other.cookies.set(name, "guessed", domain="127.0.0.1", path="/v1/oauth/callback")
        page = await other.get(back)
    assert result_of(page) == "other_browser"


async def test_a_consent_that_took_too_long_has_expired(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.now += CONSENT_LIFETIME
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (400, "expired")
    assert auth_api.worker.connects == []


async def test_an_invitation_expires(auth_api: AuthApi) -> None:
    url = await auth_api.connect_link()
    auth_api.now += LINK_LIFETIME
    assert result_of(await auth_api.browser.get(url)) == "expired"


def broken(text: str) -> Iterator[str]:
    yield ""
    yield text[:-4]
    yield text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
    yield "v1.two." + text.split(".", 2)[2]


async def test_altered_slips_are_refused(auth_api: AuthApi) -> None:
    connect_token = parse_qs(urlsplit(await auth_api.connect_link()).query)["connect_token"][0]
    state = parse_qs(urlsplit(await auth_api.open_consent_page()).query)["state"][0]
    for text in (*broken(connect_token), state):
        assert result_of(await auth_api.browser.get("/v1/oauth/start", params={"connect_token": text})) == "broken"
    for text in (*broken(state), connect_token):
        answer = await auth_api.browser.get("/v1/oauth/callback", params={"state": text, "code": "x"})
        assert (answer.status_code, result_of(answer)) == (400, "broken")


async def test_a_person_who_says_no_is_told_that_nothing_happened(auth_api: AuthApi) -> None:
    page = await auth_api.browser.get(await auth_api.consent(await auth_api.open_consent_page(), decision="cancel"))
    assert (page.status_code, result_of(page)) == (400, "declined")
    assert auth_api.worker.connects == []


async def test_tiktoks_own_refusal_is_shown_and_escaped(auth_api: AuthApi) -> None:
    state = parse_qs(urlsplit(await auth_api.open_consent_page()).query)["state"][0]
    params = {"state": state, "error": "access_denied", "error_type": "<script>non_sandbox_target"}
    page = await auth_api.browser.get("/v1/oauth/callback", params=params)
    assert result_of(page) == "refused"
    assert "&lt;script&gt;non_sandbox_target" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_a_part_of_the_scopes_connects_and_says_what_is_missing(auth_api: AuthApi) -> None:
    page = await auth_api.browser.get(
        await auth_api.consent(await auth_api.open_consent_page(), chosen="1", granted="video.list")
    )
    assert "You did not allow it to publish videos (video.publish)" in page.text
    assert "see the videos" not in page.text
    (command,) = auth_api.worker.connects
    assert (command.scopes, command.display_name) == (("video.list",), "")


@pytest.mark.parametrize(
    ("answer", "status", "result"),
    [
        (Refused(status=400, code="invalid_client", message="", log_id=""), 502, "wrong_client_key"),
        (Refused(status=400, code="invalid_request", message=REDIRECT, log_id=""), 502, "redirect_mismatch"),
        (Refused(status=400, code="invalid_request", message="", log_id=""), 400, "refused"),
        (NotSent("no connection"), 502, "no_answer"),
        (Unknown("HTTP 503"), 502, "no_answer"),
    ],
)
async def test_no_tokens_no_account(
    auth_api: AuthApi, answer: CallResult[TokenResponse], status: int, result: str
) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.replace_tiktok(FixedExchange(answer))
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (status, result)
    assert auth_api.worker.connects == []


async def test_an_account_without_a_name_is_connected_all_the_same(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.replace_tiktok(ProfileUnavailable(auth_api.tiktok))
    page = await auth_api.browser.get(back)
    (command,) = auth_api.worker.connects
    assert command.display_name == ""
    assert f"Connected as {command.account_id}" in page.text


async def test_another_tenants_account_is_refused_with_why(auth_api: AuthApi, shell: AppContext) -> None:
    open_id = shell.tables.creators.get_or_create("demo").open_id
    account_id = account_id_of(auth_api.client_key, open_id)
    auth_api.accounts.bodies[account_id] = AccountDescribed(
        account_id=account_id, tenant="globex", open_id=open_id, consented_at=auth_api.now
    )
    page = await auth_api.browser.get(await auth_api.consent(await auth_api.open_consent_page()))
    assert (page.status_code, result_of(page)) == (409, "other_tenant")
    assert account_id in page.text
    assert "globex" not in page.text
    assert auth_api.worker.connects == []


async def test_kafka_in_doubt_is_told_as_doubt(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.worker.log_available = False
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (503, "not_saved")


async def test_a_code_is_not_spent_before_the_view_is_there(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.accounts.ready = False
    answer = await auth_api.browser.get(back)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    auth_api.accounts.ready = True
    assert result_of(await auth_api.browser.get(back)) == "connected"


async def test_a_race_of_two_tenants_is_decided_by_the_worker_and_told_by_the_page(auth_api: AuthApi) -> None:
    await auth_api.connect()
    auth_api.accounts.bodies.clear()  # as the edge's view may be: behind
    await auth_api.backend_of("globex").aclose()
    globex = auth_api.backend_of("globex")
    link = (await globex.post("/v1/accounts/connect", json={})).json()["authorization_url"]
    out = (await auth_api.browser.get(link)).headers["location"]
    back = await auth_api.consent(out)
    account_id = auth_api.worker.connects[0].account_id
    page = await auth_api.browser.get(back)
    assert result_of(page) == "accepted", "the worker's word is not there, so nothing is promised"
    refused = [event for event in auth_api.worker.published if isinstance(event, AccountConnectRefused)]
    assert [(event.account_id, event.tenant, event.code) for event in refused] == [
        (account_id, "globex", "other_tenant")
    ]


async def test_without_the_workers_word_nothing_is_promised(auth_api: AuthApi) -> None:
    back = await auth_api.consent(await auth_api.open_consent_page())
    auth_api.worker.running = False
    page = await auth_api.browser.get(back)
    assert (page.status_code, result_of(page)) == (202, "accepted")
    assert "Connected" not in page.text


async def test_reconnecting_keeps_the_account(auth_api: AuthApi) -> None:
    first = await auth_api.connect()
    auth_api.now += timedelta(hours=1)
    assert await auth_api.connect() == first
    assert auth_api.credentials.bodies[first].version == 2  # type: ignore[attr-defined]  # an issued credential


async def test_people_are_sent_on_to_the_backends_own_page(auth_api: AuthApi) -> None:
    own = "https://app.acme.example/tiktok?from=postbus"
    auth_api.backend = auth_api.backend_of("other", return_urls=(own,))
    back = await auth_api.consent(await auth_api.open_consent_page(return_to=own))
    page = await auth_api.browser.get(back)
    account_id = auth_api.worker.connects[-1].account_id
    onward = f"{own}&postbus_result=connected&account_id={account_id}"
    assert f'<a href="{escape(onward)}">Continue to app.acme.example</a>' in page.text
    assert f'content="5;url={escape(onward)}"' in page.text


@pytest.mark.parametrize(
    "return_to",
    ["https://evil.example/", "https://app.acme.example/tiktok/", "javascript:alert(1)", "https://app.acme.example"],
)
async def test_nobody_is_sent_where_the_tenant_did_not_say(auth_api: AuthApi, return_to: str) -> None:
    backend = auth_api.backend_of("other", return_urls=("https://app.acme.example/tiktok",))
    answer = await backend.post("/v1/accounts/connect", json={"return_to": return_to})
    assert (answer.status_code, answer.json()["code"]) == (422, "return_url_not_registered")


async def test_an_expired_consent_leads_back_too(auth_api: AuthApi) -> None:
    own = "https://app.acme.example/tiktok"
    auth_api.backend = auth_api.backend_of("other", return_urls=(own,))
    back = await auth_api.consent(await auth_api.open_consent_page(return_to=own))
    auth_api.now += CONSENT_LIFETIME
    page = await auth_api.browser.get(back)
    assert result_of(page) == "expired"
    assert f"{own}?postbus_result=expired" in page.text
