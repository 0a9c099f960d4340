"""A consent is exchanged, sealed and decided by the worker, or nothing is connected."""

from datetime import timedelta
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest

from auth_service import facts
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


async def test_race_of_two_tenants_is_decided_by_the_worker(auth_api: AuthApi) -> None:
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
