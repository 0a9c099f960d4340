"""The consent's address and PKCE, letter by letter."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tiktok.authorize import authorization_url, pkce_challenge, pkce_verifier
from tiktok.errors import VerifierRefused


def url(challenge: str | None) -> str:
    return authorization_url(
        "https://consent.example/v2/auth/authorize/",
        client_key="aw1",
        redirect_uri="https://app.example/callback/",
        scopes=("user.info.basic", "video.publish"),
        state="a&b",
        challenge=challenge,
    )


def test_url_has_tiktoks_parameter_names() -> None:
    parts = urlsplit(url(None))
    assert parts.path == "/v2/auth/authorize/"
    assert parse_qs(parts.query) == {
        "client_key": ["aw1"],
        "response_type": ["code"],
        "scope": ["user.info.basic,video.publish"],
        "redirect_uri": ["https://app.example/callback/"],
        "state": ["a&b"],
    }


def test_challenge_names_its_method() -> None:
    query = parse_qs(urlsplit(url("c0ffee")).query)
    assert query["code_challenge"] == ["c0ffee"]
    assert query["code_challenge_method"] == ["S256"]


def test_challenge_is_lowercase_hex() -> None:
    assert pkce_challenge("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(("count", "length"), [(32, 43), (96, 128)])
def test_verifier_has_an_accepted_length(count: int, length: int) -> None:
    verifier = pkce_verifier(bytes(range(count)))
    assert len(verifier) == length
    assert "=" not in verifier


@pytest.mark.parametrize("count", [0, 31, 97])
def test_verifier_of_wrong_length_is_refused(count: int) -> None:
    with pytest.raises(VerifierRefused):
        pkce_verifier(bytes(count))
