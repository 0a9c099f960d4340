"""The sealed link and state: for one browser, one time and one step."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from auth_service.oauth.oauth_state import CONSENT_LIFETIME, LINK_LIFETIME
from harness.auth_api import AuthApi, result_of


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


async def test_other_browser_is_refused_and_the_right_one_passes(auth_api: AuthApi) -> None:
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


async def test_connect_link_expires(auth_api: AuthApi) -> None:
    url = await auth_api.connect_link()
    auth_api.now += LINK_LIFETIME
    assert result_of(await auth_api.browser.get(url)) == "expired"


def broken(text: str) -> Iterator[str]:
    yield ""
    yield text[:-4]
    yield text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
    yield "v1.two." + text.split(".", 2)[2]


async def test_altered_links_and_states_are_refused(auth_api: AuthApi) -> None:
    connect_token = parse_qs(urlsplit(await auth_api.connect_link()).query)["connect_token"][0]
    state = parse_qs(urlsplit(await auth_api.open_consent_page()).query)["state"][0]
    for text in (*broken(connect_token), state):
        assert result_of(await auth_api.browser.get("/v1/oauth/start", params={"connect_token": text})) == "broken"
    for text in (*broken(state), connect_token):
        answer = await auth_api.browser.get("/v1/oauth/callback", params={"state": text, "code": "x"})
        assert (answer.status_code, result_of(answer)) == (400, "broken")
