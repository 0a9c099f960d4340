"""Which redirect URIs the consent page accepts."""

import pytest

from harness.sandbox_client import REDIRECT, NewClient
from tiktok_sandbox.api.authorization_request import redirect_allowed
from tiktok_sandbox.model import apps
from tiktok_sandbox.model.settings import App, Platform, Settings


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
def test_redirect_uri_matches_exactly_except_for_a_star_port(uri: str, *, allowed: bool) -> None:
    assert redirect_allowed(App(redirect_uris=("http://localhost:*/cb",)), uri) is allowed


def test_default_app_allows_the_redirect_of_the_demo() -> None:
    assert apps.app_error(App()) == ""
    assert redirect_allowed(App(), REDIRECT)


async def test_web_app_needs_https_and_no_challenge(new_client: NewClient) -> None:
    app = App(platform=Platform.WEB, redirect_uris=("https://app.example/cb", "http://app.example/cb"))
    client = await new_client(Settings(app=app))
    asked = client.authorization_query(code_challenge="", code_challenge_method="")

    secure = await client.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "https://app.example/cb"})
    plain = await client.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "http://app.example/cb"})
    longer = await client.http.get("/v2/auth/authorize/", params={**asked, "redirect_uri": "https://app.example/cb/"})

    assert (secure.status_code, plain.status_code, longer.status_code) == (200, 400, 400)
