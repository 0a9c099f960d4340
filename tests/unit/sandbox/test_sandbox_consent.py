"""The consent page: what a person sees, and what the callback carries."""

import pytest

from sandbox.settings import App, Platform, Settings
from unit.sandbox.conftest import Meet
from unit.sandbox.visitor import REDIRECT, Visitor


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
