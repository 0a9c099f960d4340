"""The consent page: what a person sees, and what the callback carries."""

from urllib.parse import parse_qs, urlsplit

import pytest

from harness.sandbox_client import REDIRECT, Meet, Visitor, hex_challenge
from tiktok_sandbox.model.settings import App, Platform, Settings


async def test_a_person_sees_who_asks_for_what(visitor: Visitor) -> None:
    page = await visitor.http.get("/v2/auth/authorize/", params=visitor.asked(scope="video.publish"))

    assert page.status_code == 200
    assert "Postbus (local) would like to" in page.text
    assert "Post content to TikTok" in page.text
    assert "Read your public videos" not in page.text
    assert 'value="demo-creator"' in page.text


async def test_what_the_app_sends_cannot_become_markup(visitor: Visitor) -> None:
    page = await visitor.http.get("/v2/auth/authorize/", params=visitor.asked(state='"><script>'))

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
async def test_a_bad_parameter_is_named_and_nobody_is_redirected(visitor: Visitor, parameter: str, value: str) -> None:
    asked = visitor.asked(**{parameter: value})

    page = await visitor.http.get("/v2/auth/authorize/", params=asked)
    decision = await visitor.http.post("/v2/auth/authorize/consent", data={**asked, "creator": "demo-creator"})

    assert (page.status_code, decision.status_code) == (400, 400)
    assert f"<p>{parameter}</p>" in page.text


async def test_allowing_brings_code_scopes_and_state(visitor: Visitor) -> None:
    callback = await visitor.consent(scope="video.publish,video.list")

    assert callback["code"].endswith("*1!4608.va")
    assert callback["scopes"] == "video.publish,video.list"
    assert callback["state"] == "a-state"


async def test_the_code_arrives_percent_encoded(visitor: Visitor) -> None:
    form = {**visitor.asked(), "creator": "demo-creator"}

    answer = await visitor.http.post("/v2/auth/authorize/consent", data=form)

    assert "%2A1%214608.va" in answer.headers["location"]


async def test_only_what_was_ticked_is_granted(visitor: Visitor) -> None:
    callback = await visitor.consent(chosen="1", granted="video.list")

    assert callback["scopes"] == "video.list"


@pytest.mark.parametrize("refusal", [{"decision": "cancel"}, {"chosen": "1"}])
async def test_refusing_brings_an_error_and_no_code(visitor: Visitor, refusal: dict[str, str]) -> None:
    callback = await visitor.consent(**refusal)

    assert "code" not in callback
    assert callback["error"] == "access_denied"
    assert callback["state"] == "a-state"


async def test_a_new_name_makes_an_account_and_an_old_one_finds_it(visitor: Visitor) -> None:
    first = (await visitor.connect("somebody-new")).tokens["open_id"]
    again = (await visitor.connect("somebody-new")).tokens["open_id"]
    other = (await visitor.connect("demo-creator")).tokens["open_id"]

    assert first == again != other


async def test_a_web_app_needs_https_and_no_challenge(meet: Meet) -> None:
    app = App(platform=Platform.WEB, redirect_uris=("https://app.example/cb", "http://app.example/cb"))
    visitor = await meet(Settings(app=app))
    asked = visitor.asked(code_challenge="", code_challenge_method="")

    secure = await visitor.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "https://app.example/cb"})
    plain = await visitor.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "http://app.example/cb"})
    longer = await visitor.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "https://app.example/cb/"})

    assert (secure.status_code, plain.status_code, longer.status_code) == (200, 400, 400)


async def test_a_challenge_in_base64_passes_the_page_and_fails_at_the_exchange(visitor: Visitor) -> None:
    callback = await visitor.consent(code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")

    answer = await visitor.exchange(callback["code"])

    assert answer.json()["error_description"] == "Code verifier or code challenge is invalid."


WEB = App(platform=Platform.WEB, redirect_uris=("https://app.example/cb",))


def _web(visitor: Visitor, **other: str) -> dict[str, str]:
    asked = visitor.asked(redirect_uri="https://app.example/cb", code_challenge="", code_challenge_method="")
    return {**asked, **other}


async def _connected_to_web(meet: Meet, **other: str) -> Visitor:
    """A browser whose person has connected to a web app."""
    visitor = await meet(Settings(app=WEB))
    answer = await visitor.http.post("/v2/auth/authorize/consent", data=_web(visitor, creator="me", **other))
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    await visitor.exchange(code, redirect_uri="https://app.example/cb", code_verifier="")
    # The session cookie is for the consent page alone.
    assert [cookie.path for cookie in visitor.http.cookies.jar] == ["/v2/auth/"]
    return visitor


async def test_a_web_app_may_skip_the_page_for_somebody_who_connected_before(meet: Meet) -> None:
    visitor = await _connected_to_web(meet)

    answer = await visitor.http.get("/v2/auth/authorize/", params=_web(visitor, disable_auto_auth="0"))

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    exchanged = await visitor.exchange(query["code"][0], redirect_uri="https://app.example/cb", code_verifier="")
    assert answer.status_code == 302
    assert query["state"] == ["a-state"]
    assert exchanged.json()["open_id"] == visitor.context.tables.creators.get_or_create("me").open_id


@pytest.mark.parametrize("asked", [{"disable_auto_auth": "1"}, {}, {"scope": "video.upload", "disable_auto_auth": "0"}])
async def test_the_page_is_shown_unless_all_of_it_was_allowed_before(meet: Meet, asked: dict[str, str]) -> None:
    visitor = await _connected_to_web(meet)

    answer = await visitor.http.get("/v2/auth/authorize/", params=_web(visitor, **asked))

    assert answer.status_code == 200


async def test_the_page_is_shown_again_after_disconnecting_or_without_a_session(meet: Meet) -> None:
    visitor = await _connected_to_web(meet)
    asked = _web(visitor, disable_auto_auth="0")
    jar = dict(visitor.http.cookies)
    visitor.http.cookies.clear()
    stranger = await visitor.http.get("/v2/auth/authorize/", params=asked)
    visitor.http.cookies.update(jar)
    open_id = visitor.context.tables.creators.get_or_create("me").open_id
    await visitor.http.post(f"/_sandbox/creators/{open_id}/disconnect")

    gone = await visitor.http.get("/v2/auth/authorize/", params=asked)

    assert (stranger.status_code, gone.status_code) == (200, 200)


async def test_a_desktop_app_always_shows_the_page(visitor: Visitor) -> None:
    await visitor.connect()

    page = await visitor.http.get("/v2/auth/authorize/", params=visitor.asked(disable_auto_auth="0"))

    assert page.status_code == 200


async def test_a_web_app_that_sends_a_challenge_must_verify_it(meet: Meet) -> None:
    visitor = await meet(Settings(app=WEB))
    challenged = _web(visitor, code_challenge=hex_challenge(), code_challenge_method="S256", creator="me")
    answer = await visitor.http.post("/v2/auth/authorize/consent", data=challenged)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]

    without = await visitor.exchange(code, redirect_uri="https://app.example/cb", code_verifier="")
    verified = await visitor.exchange(code, redirect_uri="https://app.example/cb")

    assert without.json()["error"] == "invalid_request"
    assert verified.status_code == 200
