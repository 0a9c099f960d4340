"""A browser's way through consent and back, against the sandbox, and every way it may go wrong."""

from datetime import timedelta
from html import escape
from urllib.parse import parse_qs, urlsplit

import pytest

from auth_service.oauth.oauth_state import CONSENT_LIFETIME
from common.contract.account import (
    account_id_of,
)
from harness.auth_api import AuthApi, result_of
from tiktok_sandbox.app_context import AppContext


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


async def test_declined_consent_shows_that_nothing_was_connected(auth_api: AuthApi) -> None:
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


async def test_unconfirmed_command_shows_not_saved(auth_api: AuthApi) -> None:
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
async def test_unregistered_return_url_is_refused(auth_api: AuthApi, return_to: str) -> None:
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
