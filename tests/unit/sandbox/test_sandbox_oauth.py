"""The token endpoint: single-use codes, rotating refresh tokens, lifetimes, and its flat errors."""

import pytest

from harness.sandbox_client import Meet, Visitor, error_code
from tiktok_sandbox.model.grants import Grants, Permission
from tiktok_sandbox.model.settings import Lifetimes, Settings, TokenProfile
from tiktok_sandbox.runtime.clock import Clock


async def test_a_code_becomes_tokens_in_flat_json(visitor: Visitor) -> None:
    callback = await visitor.consent(scope="video.publish,video.list")

    answer = (await visitor.exchange(callback["code"])).json()

    assert answer["access_token"].startswith("act.")
    assert answer["refresh_token"].startswith("rft.")
    assert (answer["expires_in"], answer["refresh_expires_in"]) == (7_200, 15_552_000)
    assert answer["scope"] == "video.publish,video.list"
    assert answer["token_type"] == "Bearer"
    assert "data" not in answer


async def test_a_code_works_once(visitor: Visitor) -> None:
    callback = await visitor.consent()
    await visitor.exchange(callback["code"])

    again = await visitor.exchange(callback["code"])

    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"
    assert len(again.json()["log_id"]) == 34


async def test_a_code_expires(visitor: Visitor, clock: Clock) -> None:
    callback = await visitor.consent()
    clock.advance(300)

    assert (await visitor.exchange(callback["code"])).json()["error"] == "invalid_grant"


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
async def test_a_wrong_exchange_is_refused_and_the_code_stays_good(
    visitor: Visitor, form: dict[str, str], status: int, error: str, description: str
) -> None:
    code = (await visitor.consent())["code"]

    refused = await visitor.exchange(code, **form)

    assert refused.status_code == status
    assert (refused.json()["error"], refused.json()["error_description"]) == (error, description)
    assert "access_token" in (await visitor.exchange(code)).json()


async def test_a_json_body_is_malformed(visitor: Visitor) -> None:
    answer = await visitor.http.post("/v2/oauth/token/", json={**visitor.app, "grant_type": "refresh_token"})

    assert answer.json()["error_description"] == "The request parameters are malformed."


async def test_a_refresh_rotates_and_the_old_refresh_token_dies(connected: Visitor) -> None:
    first = connected.tokens
    second = (await connected.refresh(first["refresh_token"])).json()

    stale = await connected.refresh(first["refresh_token"])
    third = await connected.refresh(second["refresh_token"])

    assert second["refresh_token"] != first["refresh_token"]
    assert second["open_id"] == first["open_id"]
    assert second["scope"] == first["scope"]
    assert stale.json()["error"] == "invalid_grant"
    assert third.status_code == 200


async def test_the_old_access_token_lives_to_its_end_after_a_refresh(connected: Visitor, clock: Clock) -> None:
    await connected.refresh(connected.tokens["refresh_token"])
    clock.advance(7_199)
    still = await connected.creator_info()
    clock.advance(1)

    gone = await connected.creator_info()

    assert still.status_code == 200
    assert (gone.status_code, error_code(gone)) == (401, "access_token_invalid")


async def test_lifetimes_are_settings_and_a_refresh_token_ends_too(meet: Meet, clock: Clock) -> None:
    visitor = await meet(Settings(lifetimes=Lifetimes(access_token=5, refresh_token=9)))
    tokens = (await visitor.connect()).tokens
    clock.advance(9)

    answer = await visitor.refresh(tokens["refresh_token"])

    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (5, 9)
    assert answer.json()["error"] == "invalid_grant"


async def test_revoking_ends_every_token_of_the_person(connected: Visitor) -> None:
    answer = await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": connected.token})

    assert answer.status_code == 200
    assert error_code(await connected.creator_info()) == "access_token_invalid"
    assert (await connected.refresh(connected.tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_touches_nobody_else(connected: Visitor) -> None:
    first = connected.token
    await connected.connect("somebody-else")

    await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": first})

    assert (await connected.creator_info()).status_code == 200


async def test_errors_can_come_with_status_200(meet: Meet) -> None:
    visitor = await meet(Settings(oauth_errors_as_200=True))

    answer = await visitor.refresh("rft.unknown")

    assert (answer.status_code, answer.json()["error"]) == (200, "invalid_grant")


async def test_secrets_are_not_in_reprs(connected: Visitor) -> None:
    shown = f"{connected.context.tables.settings!r} {connected.context.tables.grants!r}"

    for secret in (connected.app["client_secret"], connected.token, connected.tokens["refresh_token"]):
        assert secret not in shown


async def test_tokens_can_live_as_they_did_before(meet: Meet) -> None:
    visitor = await meet(Settings(lifetimes=Lifetimes(token_profile=TokenProfile.CLASSIC)))

    tokens = (await visitor.connect()).tokens

    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (86_400, 31_536_000)


async def test_a_refresh_can_end_the_access_token_before_it(meet: Meet) -> None:
    visitor = await (await meet(Settings(lifetimes=Lifetimes(refresh_ends_access=True)))).connect()
    tokens = (await visitor.refresh(visitor.tokens["refresh_token"])).json()

    assert error_code(await visitor.creator_info()) == "access_token_invalid"
    visitor.token = tokens["access_token"]
    assert (await visitor.creator_info()).status_code == 200


@pytest.mark.parametrize(("renews", "left"), [(True, 1_000), (False, 400)])
async def test_a_new_refresh_token_lives_anew_or_for_what_is_left(
    meet: Meet, clock: Clock, *, renews: bool, left: int
) -> None:
    lifetimes = Lifetimes(refresh_token=1_000, refresh_renews=renews)
    visitor = await (await meet(Settings(lifetimes=lifetimes))).connect()
    clock.advance(600)

    tokens = (await visitor.refresh(visitor.tokens["refresh_token"])).json()

    assert tokens["refresh_expires_in"] == left


async def test_an_app_gets_a_token_of_its_own_that_no_person_gave(visitor: Visitor) -> None:
    form = {**visitor.app, "grant_type": "client_credentials"}

    answer = (await visitor.http.post("/v2/oauth/token/", data=form)).json()

    assert answer.pop("access_token").startswith("clt.")
    assert answer == {"expires_in": 7_200, "token_type": "Bearer"}


async def test_a_code_that_was_not_decoded_is_unknown(visitor: Visitor) -> None:
    code = (await visitor.consent())["code"]

    answer = await visitor.exchange(code.replace("*", "%2A").replace("!", "%21"))

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
async def test_a_wrong_revocation_changes_nothing(
    connected: Visitor, form: dict[str, str], status: int, error: str
) -> None:
    usual = {**connected.app, "token": connected.token}

    answer = await connected.http.post("/v2/oauth/revoke/", data={**usual, **form})

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert (await connected.creator_info()).status_code == 200


async def test_a_revocation_answers_nothing_and_the_app_is_told_why(connected: Visitor) -> None:
    connected.listen()

    answer = await connected.http.post("/v2/oauth/revoke/", data={**connected.app, "token": connected.token})

    assert (answer.status_code, answer.json()) == (200, {})
    assert await connected.told() == [("authorization.removed", connected.tokens["open_id"], {"reason": 5})]


@pytest.mark.parametrize(("body", "reason"), [(None, 1), ({"reason": 4}, 4)])
async def test_a_person_who_disconnects_ends_codes_and_tokens_and_the_app_is_told(
    connected: Visitor, body: dict[str, int] | None, reason: int
) -> None:
    connected.listen()
    code = (await connected.consent())["code"]
    open_id = connected.tokens["open_id"]

    await connected.http.post(f"/_sandbox/creators/{open_id}/disconnect", json=body)
    await connected.http.post(f"/_sandbox/creators/{open_id}/disconnect", json=body)

    assert error_code(await connected.creator_info()) == "access_token_invalid"
    assert (await connected.exchange(code)).json()["error"] == "invalid_grant"
    assert await connected.told() == [("authorization.removed", open_id, {"reason": reason})]


async def test_a_reason_tiktok_does_not_know_is_refused(connected: Visitor) -> None:
    path = f"/_sandbox/creators/{connected.tokens['open_id']}/disconnect"

    assert (await connected.http.post(path, json={"reason": 6})).status_code == 422
    assert (await connected.creator_info()).status_code == 200


def test_expired_access_tokens_do_not_pile_up() -> None:
    grants = Grants()
    for number in range(2_000):
        grants.access[f"act.{number}"] = Permission(client_key="k", open_id="o", scopes=(), expires_at=number)

    grants.drop_expired(1_990)

    assert len(grants.access) == 9
