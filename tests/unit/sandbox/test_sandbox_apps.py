"""Many apps: what each knows of a person, what the portal accepts, and what nobody else may use."""

from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from harness.sandbox_client import REDIRECT, Visitor, error_code
from tiktok_sandbox.api.authorization_request import redirect_allowed
from tiktok_sandbox.model import apps
from tiktok_sandbox.model.apps import Apps
from tiktok_sandbox.model.identifiers import Identifiers, open_id_of
from tiktok_sandbox.model.persistence import StateFile
from tiktok_sandbox.model.settings import App, Platform, Profile, Settings
from tiktok_sandbox.model.tables import Tables

OTHER = "sbotherapp0000000"
NOW = 1_795_000_000.0


@pytest.fixture
async def other(visitor: Visitor) -> dict[str, Any]:
    """A second app."""
    answer = await visitor.http.post("/_sandbox/apps", json={"client_key": OTHER, "name": "Other"})
    assert answer.status_code == 201, answer.text
    app: dict[str, Any] = answer.json()
    return app


async def _tokens(visitor: Visitor, **wish: object) -> httpx.Response:
    return await visitor.http.post("/_sandbox/tokens", json={"username": "demo-creator", **wish})


async def test_a_person_has_an_open_id_in_each_app_and_one_union_id(visitor: Visitor, other: dict[str, Any]) -> None:
    found = []
    for client_key in (visitor.app["client_key"], other["client_key"]):
        tokens = (await _tokens(visitor, client_key=client_key)).json()
        answer = await visitor.http.get(
            "/v2/user/info/",
            params={"fields": "open_id,union_id"},
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        )
        user = answer.json()["data"]["user"]
        assert user["open_id"] == tokens["open_id"] == open_id_of(client_key, "demo-creator")
        found.append(user)

    assert found[0]["open_id"] != found[1]["open_id"]
    assert found[0]["union_id"] == found[1]["union_id"]


async def test_an_account_shows_its_open_id_in_every_app(visitor: Visitor, other: dict[str, Any]) -> None:
    made = (await visitor.http.post("/_sandbox/creators", json={"username": "new"})).json()

    assert made["open_ids"] == {key: open_id_of(key, "new") for key in (visitor.app["client_key"], OTHER)}
    assert made["open_id"] == made["open_ids"][visitor.app["client_key"]]
    assert other["client_secret"]


async def test_a_code_and_a_refresh_token_are_good_for_their_own_app_only(
    visitor: Visitor, other: dict[str, Any]
) -> None:
    foreign = {"client_key": OTHER, "client_secret": str(other["client_secret"])}
    code = (await visitor.consent())["code"]

    taken = await visitor.exchange(code, **foreign)
    tokens = (await visitor.exchange(code)).json()
    refreshed = await visitor.refresh(tokens["refresh_token"], **foreign)

    assert [taken.json()["error"], refreshed.json()["error"]] == ["invalid_grant", "invalid_grant"]
    assert (await visitor.refresh(tokens["refresh_token"])).status_code == 200


async def test_an_app_cannot_revoke_for_another(connected: Visitor, other: dict[str, Any]) -> None:
    form = {"client_key": OTHER, "client_secret": str(other["client_secret"]), "token": connected.token}

    answer = await connected.http.post("/v2/oauth/revoke/", data=form)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert (await connected.creator_info()).status_code == 200


async def test_disconnecting_one_app_leaves_the_other(connected: Visitor, other: dict[str, Any]) -> None:
    foreign = (await _tokens(connected, client_key=other["client_key"])).json()

    await connected.http.post(f"/_sandbox/creators/{foreign['open_id']}/disconnect")
    gone = await connected.call("/v2/post/publish/creator_info/query/", token=foreign["access_token"])

    assert error_code(gone) == "access_token_invalid"
    assert (await connected.creator_info()).status_code == 200


async def test_tokens_without_consent_are_what_was_asked_for(visitor: Visitor) -> None:
    answer = await _tokens(visitor, username="somebody", scopes=["video.list"])

    assert answer.status_code == 201
    assert (answer.json()["scope"], answer.json()["token_type"]) == ("video.list", "Bearer")
    assert (await visitor.refresh(answer.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize("wish", [{"client_key": "nobody"}, {"scopes": ["video.everything"]}, {"usernames": []}])
async def test_tokens_an_app_cannot_have_are_refused(visitor: Visitor, wish: dict[str, object]) -> None:
    assert (await _tokens(visitor, **wish)).status_code == 422


async def test_the_consent_page_names_the_app_that_asks(visitor: Visitor, other: dict[str, Any]) -> None:
    page = await visitor.http.get("/v2/auth/authorize/", params=visitor.asked(client_key=other["client_key"]))

    assert "Other would like to" in page.text


async def test_an_app_that_is_changed_keeps_its_secret(visitor: Visitor, other: dict[str, Any]) -> None:
    changed = await visitor.http.post("/_sandbox/apps", json={"client_key": OTHER, "audited": False})
    listed = (await visitor.http.get("/_sandbox/apps")).json()["apps"]

    assert changed.json()["client_secret"] == other["client_secret"]
    assert [(each["client_key"], each["audited"]) for each in listed] == [
        (visitor.app["client_key"], True),
        (OTHER, False),
    ]


async def test_only_target_users_connect_to_a_sandbox_app(visitor: Visitor) -> None:
    await visitor.http.post("/_sandbox/apps", json={"client_key": OTHER, "sandbox_targets": ["friend"]})

    stranger = await visitor.consent(creator="demo-creator", client_key=OTHER)
    friend = await visitor.consent(creator="friend", client_key=OTHER)

    assert (stranger["error"], stranger["error_type"]) == ("access_denied", "non_sandbox_target")
    assert stranger["state"] == "a-state"
    assert "code" not in stranger
    assert "code" in friend


async def test_the_portal_says_why_it_refuses(visitor: Visitor) -> None:
    app = {"client_key": OTHER, "platform": "web", "redirect_uris": ["http://app.example/cb"]}

    answer = await visitor.http.post("/_sandbox/apps", json=app)

    assert answer.status_code == 422
    assert "The scheme must be https" in answer.json()["error"]


@pytest.mark.parametrize(
    ("platform", "uri", "why"),
    [
        (Platform.WEB, "https://app.example/cb", ""),
        (Platform.WEB, "https://app.example/" + "a" * 491, ""),
        (Platform.WEB, "https://app.example/" + "a" * 492, "511 characters"),
        (Platform.WEB, "http://app.example/cb", "https"),
        (Platform.WEB, "https://localhost/cb", "a domain"),
        (Platform.WEB, "https://127.0.0.1/cb", "a domain"),
        (Platform.WEB, "https://[::1]/cb", "a domain"),
        (Platform.WEB, "https://app.example:*/cb", "not a URL"),
        (Platform.WEB, "https://app.example/cb?a=b", "no query"),
        (Platform.WEB, "https://app.example/cb?", "no query"),
        (Platform.WEB, "https://app.example/cb#top", "no query"),
        (Platform.WEB, "app.example/cb", "no query"),
        (Platform.DESKTOP, "http://localhost:3000/cb", ""),
        (Platform.DESKTOP, "https://127.0.0.1:*/cb", ""),
        (Platform.DESKTOP, "http://127.0.0.1/cb", "port"),
        (Platform.DESKTOP, "http://app.example:80/cb", "localhost"),
        (Platform.DESKTOP, "ftp://127.0.0.1:80/cb", "http or https"),
    ],
)
def test_what_may_be_registered(platform: Platform, uri: str, why: str) -> None:
    found = apps.app_error(App(platform=platform, redirect_uris=(uri,)))

    assert why in found
    assert bool(found) == bool(why)


def test_ten_redirects_and_ten_targets_are_the_most() -> None:
    uris = tuple(f"http://localhost:{port}/cb" for port in range(3_000, 3_011))
    people = tuple(f"person{number}" for number in range(11))

    assert apps.app_error(App(redirect_uris=uris[:10], sandbox_targets=people[:10])) == ""
    assert "redirect_uris" in apps.app_error(App(redirect_uris=uris))
    assert "sandbox_targets" in apps.app_error(App(sandbox_targets=people))
    assert "client_key" in apps.app_error(App(client_key=""))


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("http://localhost:3000/cb", True),
        ("http://localhost:65535/cb", True),
        ("http://localhost:3000/cb/", False),
        ("http://localhost:3000/CB", False),
        ("https://localhost:3000/cb", False),
        ("http://localhost:0/cb", False),
        ("http://localhost/cb", False),
        ("http://me@localhost:3000/cb", False),
    ],
)
def test_a_redirect_matches_to_the_letter_but_for_a_star_as_port(uri: str, *, allowed: bool) -> None:
    assert redirect_allowed(App(redirect_uris=("http://localhost:*/cb",)), uri) is allowed


def _ids() -> Identifiers:
    return Identifiers(Random(1))


def test_apps_and_open_ids_survive_a_restart(tmp_path: Path) -> None:
    first, state = Tables(Settings(), _ids(), "http://tiktok.example"), StateFile(tmp_path)
    saved = first.apps.save(App(client_key=OTHER, audited=False))
    creator = first.creators.get_or_create("somebody", OTHER)
    first.creators.save(Profile(username="somebody", banned=True))
    state.save(first)

    second = Tables(Settings(), Identifiers(Random(2)), "http://tiktok.example")
    state.restore(second, None)
    state.close()

    found = second.creators.find(creator.open_id)
    assert second.apps.get(OTHER) == saved
    assert found is not None
    assert (found.profile.username, found.profile.banned) == ("somebody", True)


def test_settings_are_read_anew_at_each_start_but_a_made_up_secret_stays(tmp_path: Path) -> None:
    before = Settings(app=App(client_secret="given", name="Old"), apps=(App(client_key=OTHER),))
    first, state = Tables(before, _ids(), "http://tiktok.example"), StateFile(tmp_path)
    state.save(first)

    after = Settings(app=App(client_secret="newer", name="New"), apps=(App(client_key=OTHER),))
    second = Tables(after, Identifiers(Random(2)), "http://tiktok.example")
    state.restore(second, None)
    state.close()

    assert (second.apps.default.name, second.apps.default.client_secret) == ("New", "newer")
    assert second.apps.get(OTHER) == first.apps.get(OTHER)


def test_a_secret_given_at_the_start_goes_before_the_kept_one() -> None:
    kept = App(client_secret="kept", audited=False)
    running = Apps(_ids(), App(client_secret="given"), ())

    running.restore(kept)

    assert (running.default.client_secret, running.default.audited) == ("given", False)
    assert "kept" not in f"{running.all()}"


def test_the_default_redirect_fits_the_demo() -> None:
    assert apps.app_error(App()) == ""
    assert redirect_allowed(App(), REDIRECT)
