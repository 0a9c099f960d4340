"""The token endpoints: exchange, refresh, revoke, and their errors."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.sandbox_apps import OTHER_APP
from harness.sandbox_client import NewClient, SandboxClient, error_code, hex_challenge
from tiktok_sandbox.model.settings import App, Lifetimes, Platform, Settings, TokenProfile
from tiktok_sandbox.runtime.clock import Clock

WEB = App(platform=Platform.WEB, redirect_uris=("https://app.example/cb",))


def _web(client: SandboxClient, **other: str) -> dict[str, str]:
    asked = client.authorization_query(
        redirect_uri="https://app.example/cb", code_challenge="", code_challenge_method=""
    )
    return {**asked, **other}


async def test_code_and_refresh_token_of_another_app_are_refused(
    client: SandboxClient, other_app: dict[str, Any]
) -> None:
    foreign = {"client_key": OTHER_APP, "client_secret": str(other_app["client_secret"])}
    code = (await client.consent())["code"]

    taken = await client.exchange(code, **foreign)
    tokens = (await client.exchange(code)).json()
    refreshed = await client.refresh(tokens["refresh_token"], **foreign)

    assert [taken.json()["error"], refreshed.json()["error"]] == ["invalid_grant", "invalid_grant"]
    assert (await client.refresh(tokens["refresh_token"])).status_code == 200


async def test_revoke_by_another_app_is_refused(connected: SandboxClient, other_app: dict[str, Any]) -> None:
    form = {"client_key": OTHER_APP, "client_secret": str(other_app["client_secret"]), "token": connected.token}

    answer = await connected.http.post("/v2/oauth/revoke/", data=form)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await connected.creator_info()).status_code == 200


async def test_base64_challenge_fails_only_at_the_exchange(client: SandboxClient) -> None:
    callback = await client.consent(code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")

    answer = await client.exchange(callback["code"])

    assert answer.json()["error_description"] == "Code verifier or code challenge is invalid."


async def test_web_app_that_sends_a_challenge_must_send_the_verifier(new_client: NewClient) -> None:
    client = await new_client(Settings(app=WEB))
    challenged = _web(client, code_challenge=hex_challenge(), code_challenge_method="S256", creator="me")
    answer = await client.http.post("/v2/auth/authorize/consent", data=challenged)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    without = await client.exchange(code, redirect_uri="https://app.example/cb", code_verifier="")
    verified = await client.exchange(code, redirect_uri="https://app.example/cb")

    assert without.json()["error"] == "invalid_request"
    assert verified.status_code == 200


async def test_exchange_returns_tokens_in_flat_json(client: SandboxClient) -> None:
    callback = await client.consent(scope="video.publish,video.list")

    answer = (await client.exchange(callback["code"])).json()

    assert answer["access_token"].startswith("act.")
    assert answer["refresh_token"].startswith("rft.")
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (7_200, 15_552_000)
    assert answer["scope"] == "video.publish,video.list"
    assert answer["token_type"] == "Bearer"
    assert "data" not in answer


async def test_code_works_once(client: SandboxClient) -> None:
    callback = await client.consent()
    await client.exchange(callback["code"])

    again = await client.exchange(callback["code"])

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert len(again.json()["log_id"]) == 34


async def test_code_expires(client: SandboxClient, clock: Clock) -> None:
    callback = await client.consent()
    clock.advance(300)

    assert (await client.exchange(callback["code"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "status", "error", "description"),
    [
        ({"client_secret": ""}, 400, "invalid_request", "Client secret is missed in request."),
        ({"client_secret": "wrong"}, 401, "invalid_client", "Client key or secret is incorrect."),
        ({"client_key": "wrong"}, 401, "invalid_client", "Client key or secret is incorrect."),
        ({"grant_type": ""}, 400, "invalid_request", "The request parameters are malformed."),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "The grant type is not supported."),
        (
            {"redirect_uri": "http://127.0.0.1:8101/other"},
            400,
            "invalid_request",
            "Redirect_uri is not matched with the uri when requesting code.",
        ),
        ({"code_verifier": "b" * 43}, 400, "invalid_request", "Code verifier or code challenge is invalid."),
        ({"code_verifier": ""}, 400, "invalid_request", "Code verifier or code challenge is invalid."),
    ],
)
async def test_refused_exchange_does_not_use_up_the_code(
    client: SandboxClient, form: dict[str, str], status: int, error: str, description: str
) -> None:
    code = (await client.consent())["code"]

    refused = await client.exchange(code, **form)

    assert refused.status_code == status
    assert (refused.json()["error"], refused.json()["error_description"]) == (error, description)
    assert "access_token" in (await client.exchange(code)).json()


async def test_json_body_is_malformed(client: SandboxClient) -> None:
    answer = await client.http.post("/v2/oauth/token/", json={**client.app, "grant_type": "refresh_token"})

    assert answer.json()["error_description"] == "The request parameters are malformed."


async def test_refresh_ends_the_old_refresh_token(connected: SandboxClient) -> None:
    first = connected.tokens
    second = (await connected.refresh(first["refresh_token"])).json()

    stale = await connected.refresh(first["refresh_token"])
    third = await connected.refresh(second["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert second["open_id"] == first["open_id"]
    assert second["scope"] == first["scope"]
    assert stale.json()["error"] == "invalid_grant"
    assert third.status_code == 200


async def test_old_access_token_lives_on_after_a_refresh(connected: SandboxClient, clock: Clock) -> None:
    await connected.refresh(connected.tokens["refresh_token"])
    clock.advance(7_199)
    still = await connected.creator_info()
    clock.advance(1)

    gone = await connected.creator_info()

    assert still.status_code == 200
    assert (gone.status_code, error_code(gone)) == (401, "access_token_invalid")


async def test_token_lifetimes_follow_the_settings(new_client: NewClient, clock: Clock) -> None:
    client = await new_client(Settings(lifetimes=Lifetimes(access_token=5, refresh_token=9)))
    tokens = (await client.connect()).tokens
    clock.advance(9)

    answer = await client.refresh(tokens["refresh_token"])

    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (5, 9)
    assert answer.json()["error"] == "invalid_grant"


async def test_revoke_ends_every_token_of_the_person(connected: SandboxClient) -> None:
    answer = await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": connected.token})

    assert answer.status_code == 200
    assert error_code(await connected.creator_info()) == "access_token_invalid"
    assert (await connected.refresh(connected.tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoke_leaves_other_people_connected(connected: SandboxClient) -> None:
    first = connected.token
    await connected.connect("other-person")

    await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": first})

    assert (await connected.creator_info()).status_code == 200


async def test_oauth_errors_can_come_with_status_200(new_client: NewClient) -> None:
    client = await new_client(Settings(oauth_errors_as_200=True))

    answer = await client.refresh("rft.unknown")

    assert (answer.status_code, answer.json()["error"]) == (200, "invalid_grant")


async def test_classic_token_profile_has_its_lifetimes(new_client: NewClient) -> None:
    client = await new_client(Settings(lifetimes=Lifetimes(token_profile=TokenProfile.CLASSIC)))

    tokens = (await client.connect()).tokens

    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (86_400, 31_536_000)


async def test_refresh_can_end_the_old_access_token(new_client: NewClient) -> None:
    client = await (await new_client(Settings(lifetimes=Lifetimes(refresh_ends_access=True)))).connect()
    tokens = (await client.refresh(client.tokens["refresh_token"])).json()

    assert error_code(await client.creator_info()) == "access_token_invalid"
    client.token = tokens["access_token"]
    assert (await client.creator_info()).status_code == 200


@pytest.mark.parametrize(("renews", "left"), [(True, 1_000), (False, 400)])
async def test_new_refresh_token_has_a_full_or_the_remaining_life(
    new_client: NewClient, clock: Clock, *, renews: bool, left: int
) -> None:
    lifetimes = Lifetimes(refresh_token=1_000, refresh_renews=renews)
    client = await (await new_client(Settings(lifetimes=lifetimes))).connect()
    clock.advance(600)

    tokens = (await client.refresh(client.tokens["refresh_token"])).json()

    assert tokens["refresh_expires_in"] == left


async def test_client_credentials_return_a_client_token(client: SandboxClient) -> None:
    form = {**client.app, "grant_type": "client_credentials"}

    answer = (await client.http.post("/v2/oauth/token/", data=form)).json()

    assert answer.pop("access_token").startswith("clt.")
    assert answer == {"expires_in": 7_200, "token_type": "Bearer"}


async def test_code_that_was_not_decoded_is_refused(client: SandboxClient) -> None:
    code = (await client.consent())["code"]

    answer = await client.exchange(code.replace("*", "%2A").replace("!", "%21"))

    assert answer.json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_key": "wrong"}, 401, "invalid_client"),
        ({"token": "act.unknown"}, 400, "invalid_request"),
        ({"token": ""}, 400, "invalid_request"),
    ],
)
async def test_invalid_revoke_changes_nothing(
    connected: SandboxClient, form: dict[str, str], status: int, error: str
) -> None:
    usual = {**connected.app, "token": connected.token}

    answer = await connected.http.post("/v2/oauth/revoke/", data={**usual, **form})

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (await connected.creator_info()).status_code == 200


async def test_revoke_answers_empty_and_sends_a_webhook(connected: SandboxClient) -> None:
    connected.subscribe()

    answer = await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": connected.token})

    assert (answer.status_code, answer.json()) == (200, {})
    assert await connected.sent_webhooks() == [("authorization.removed", connected.tokens["open_id"], {"reason": 5})]
