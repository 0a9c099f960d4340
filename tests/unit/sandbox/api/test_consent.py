"""The consent page: what a person sees, and what the callback carries."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.sandbox_apps import OTHER_APP
from harness.sandbox_client import REDIRECT, NewClient, SandboxClient
from tiktok_sandbox.model.settings import App, Platform, Settings

WEB = App(platform=Platform.WEB, redirect_uris=("https://app.example/cb",))


def _web(client: SandboxClient, **other: str) -> dict[str, str]:
    asked = client.authorization_query(
        redirect_uri="https://app.example/cb", code_challenge="", code_challenge_method=""
    )
    return {**asked, **other}


async def _connected_to_web(new_client: NewClient, **other: str) -> SandboxClient:
    """A browser whose person has connected to a web app."""
    client = await new_client(Settings(app=WEB))
    answer = await client.http.post("/v2/auth/authorize/consent", data=_web(client, creator="me", **other))
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    await client.exchange(code, redirect_uri="https://app.example/cb", code_verifier="")
    # The session cookie is for the consent page alone.
    assert [cookie.path for cookie in client.http.cookies.jar] == ["/v2/auth/"]
    return client


async def test_consent_page_names_the_app(client: SandboxClient, other_app: dict[str, Any]) -> None:
    page = await client.http.get(
        "/v2/auth/authorize/", params=client.authorization_query(client_key=other_app["client_key"])
    )

    assert "Other would like to" in page.text


async def test_only_target_users_can_connect_a_sandbox_app(client: SandboxClient) -> None:
    await client.http.post("/_sandbox/apps", json={"client_key": OTHER_APP, "sandbox_targets": ["friend"]})

    other_person = await client.consent(creator="demo-creator", client_key=OTHER_APP)
    friend = await client.consent(creator="friend", client_key=OTHER_APP)

    assert (other_person["error"], other_person["error_type"]) == ("access_denied", "non_sandbox_target")
    assert other_person["state"] == "a-state"
    assert "code" not in other_person
    assert "code" in friend


async def test_consent_page_shows_app_and_scopes(client: SandboxClient) -> None:
    page = await client.http.get("/v2/auth/authorize/", params=client.authorization_query(scope="video.publish"))

    assert page.status_code == 200
    assert "Postbus (local) would like to" in page.text
    assert "Post content to TikTok" in page.text
    assert "Read your public videos" not in page.text
    assert 'value="demo-creator"' in page.text


async def test_consent_page_escapes_what_the_app_sends(client: SandboxClient) -> None:
    page = await client.http.get("/v2/auth/authorize/", params=client.authorization_query(state='"><script>'))

    assert "<script>" not in page.text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("client_key", "another"),
        ("response_type", "token"),
        ("scope", "video.publish,video.everything"),
        ("scope", ""),
        ("redirect_uri", "http://example.com:8101/callback"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("redirect_uri", REDIRECT + "?a=b"),
        ("redirect_uri", "http://127.0.0.1:8101" + "@example.com/callback"),
        ("state", ""),
        ("code_challenge", ""),
        ("code_challenge", "short"),
        ("code_challenge_method", "plain"),
        ("disable_auto_auth", "yes"),
    ],
)
async def test_invalid_parameter_is_shown_without_a_redirect(client: SandboxClient, parameter: str, value: str) -> None:
    asked = client.authorization_query(**{parameter: value})

    page = await client.http.get("/v2/auth/authorize/", params=asked)
    decision = await client.http.post("/v2/auth/authorize/consent", data={**asked, "creator": "demo-creator"})

    assert (page.status_code, decision.status_code) == (400, 400)
    assert f"<p>{parameter}</p>" in page.text


async def test_allowing_redirects_with_code_scopes_and_state(client: SandboxClient) -> None:
    callback = await client.consent(scope="video.publish,video.list")

    assert callback["code"].endswith("*1!4608.va")
    assert callback["scopes"] == "video.publish,video.list"
    assert callback["state"] == "a-state"


async def test_code_arrives_percent_encoded(client: SandboxClient) -> None:
    form = {**client.authorization_query(), "creator": "demo-creator"}

    answer = await client.http.post("/v2/auth/authorize/consent", data=form)

    assert "%2A1%214608.va" in answer.headers["location"]


async def test_only_ticked_scopes_are_granted(client: SandboxClient) -> None:
    callback = await client.consent(chosen="1", granted="video.list")

    assert callback["scopes"] == "video.list"


@pytest.mark.parametrize("refusal", [{"decision": "cancel"}, {"chosen": "1"}])
async def test_refusing_redirects_with_an_error_and_no_code(client: SandboxClient, refusal: dict[str, str]) -> None:
    callback = await client.consent(**refusal)

    assert "code" not in callback
    assert callback["error"] == "access_denied"
    assert callback["state"] == "a-state"


async def test_new_name_creates_an_account_and_a_known_one_finds_it(client: SandboxClient) -> None:
    first = (await client.connect("new-person")).tokens["open_id"]
    again = (await client.connect("new-person")).tokens["open_id"]
    other = (await client.connect("demo-creator")).tokens["open_id"]

    assert first == again != other


async def test_web_app_can_skip_the_page_for_a_connected_user(new_client: NewClient) -> None:
    client = await _connected_to_web(new_client)

    answer = await client.http.get("/v2/auth/authorize/", params=_web(client, disable_auto_auth="0"))

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    exchanged = await client.exchange(query["code"][0], redirect_uri="https://app.example/cb", code_verifier="")
    assert answer.status_code == 302
    assert query["state"] == ["a-state"]
    assert exchanged.json()["open_id"] == client.context.tables.creators.get_or_create("me").open_id


@pytest.mark.parametrize("asked", [{"disable_auto_auth": "1"}, {}, {"scope": "video.upload", "disable_auto_auth": "0"}])
async def test_page_is_shown_for_scopes_not_allowed_before(new_client: NewClient, asked: dict[str, str]) -> None:
    client = await _connected_to_web(new_client)

    answer = await client.http.get("/v2/auth/authorize/", params=_web(client, **asked))

    assert answer.status_code == 200


async def test_page_is_shown_after_disconnect_or_without_a_session(new_client: NewClient) -> None:
    client = await _connected_to_web(new_client)
    asked = _web(client, disable_auto_auth="0")
    jar = dict(client.http.cookies)
    client.http.cookies.clear()
    without_session = await client.http.get("/v2/auth/authorize/", params=asked)
    client.http.cookies.update(jar)
    open_id = client.context.tables.creators.get_or_create("me").open_id
    await client.http.post(f"/_sandbox/creators/{open_id}/disconnect")

    gone = await client.http.get("/v2/auth/authorize/", params=asked)

    assert (without_session.status_code, gone.status_code) == (200, 200)


async def test_desktop_app_always_shows_the_page(client: SandboxClient) -> None:
    await client.connect()

    page = await client.http.get("/v2/auth/authorize/", params=client.authorization_query(disable_auto_auth="0"))

    assert page.status_code == 200
