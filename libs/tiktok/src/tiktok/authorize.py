"""Builds the URL of TikTok's consent page, and PKCE in TikTok's variant."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from urllib.parse import urlencode

from tiktok.errors import VerifierRefused
from tiktok.limits import VERIFIER_MAX_CHARACTERS, VERIFIER_MIN_CHARACTERS


def authorization_url(
    authorize_url: str,
    *,
    client_key: str,
    redirect_uri: str,
    scopes: Sequence[str],
    state: str,
    challenge: str | None,
) -> str:
    """Return the URL for the browser. Scopes are joined by commas; OAuth itself joins them by spaces."""
    query = {
        "client_key": client_key,
        "response_type": "code",
        "scope": ",".join(scopes),
        "redirect_uri": redirect_uri,
        "state": state,
    }
    if challenge is not None:
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{authorize_url}?{urlencode(query)}"


def pkce_verifier(random_bytes: bytes) -> str:
    """Make a verifier of 32 to 96 random bytes; use new ones for every request. Raises `VerifierRefused`."""
    verifier = urlsafe_b64encode(random_bytes).rstrip(b"=").decode("ascii")
    if not VERIFIER_MIN_CHARACTERS <= len(verifier) <= VERIFIER_MAX_CHARACTERS:
        raise VerifierRefused(len(verifier))
    return verifier


def pkce_challenge(verifier: str) -> str:
    """Return SHA-256 in lowercase hex. The usual base64url passes the consent page and fails at the exchange."""
    return hashlib.sha256(verifier.encode("ascii")).hexdigest()
