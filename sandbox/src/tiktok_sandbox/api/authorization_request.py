"""Checks what a browser brings to the consent page, parameter by parameter."""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tiktok_sandbox.model.apps import Apps, redirect_error
from tiktok_sandbox.model.grants import AuthorizationRequest
from tiktok_sandbox.model.settings import App, Platform

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


class InvalidParameter(Struct, frozen=True):
    """An invalid request, for which TikTok shows an error page with the parameter."""

    parameter: str


def read_request(apps: Apps, query: Mapping[str, str]) -> AuthorizationRequest | InvalidParameter:
    """Return the checked request, or the first invalid parameter.

    A challenge in the wrong encoding passes here and fails at the exchange, as at TikTok.
    """
    app = apps.get(query.get("client_key", ""))
    if app is None:
        return InvalidParameter("client_key")
    scopes = tuple(part for part in query.get("scope", "").split(",") if part)
    challenge = query.get("code_challenge", "")
    checks = {
        "response_type": query.get("response_type") == "code",
        "redirect_uri": redirect_allowed(app, query.get("redirect_uri", "")),
        "scope": bool(scopes) and set(scopes) <= set(app.scopes),
        "state": bool(query.get("state")),
        "code_challenge": _challenge_allowed(app, challenge),
        "code_challenge_method": not challenge or query.get("code_challenge_method") == "S256",
        "disable_auto_auth": query.get("disable_auto_auth", "0") in {"0", "1"},
    }
    # TikTok's page names one parameter only, so the first that is wrong ends the check.
    for parameter, fine in checks.items():
        if not fine:
            return InvalidParameter(parameter)
    return AuthorizationRequest(
        client_key=app.client_key,
        redirect_uri=query["redirect_uri"],
        scopes=scopes,
        state=query["state"],
        challenge=challenge,
    )


def _challenge_allowed(app: App, challenge: str) -> bool:
    if not challenge:
        # Desktop apps must send a challenge. For web apps TikTok needs none.
        return app.platform is Platform.WEB
    return _CHALLENGE.fullmatch(challenge) is not None


def redirect_allowed(app: App, uri: str) -> bool:
    """Return whether a redirect URI is registered and allowed on this platform."""
    if redirect_error(app.platform, uri):
        return False
    return any(_matches(registered, uri) for registered in app.redirect_uris)


def _matches(registered: str, uri: str) -> bool:
    # `re.escape` has put a backslash before each `*`. Everything else must be equal to the letter.
    pattern = re.escape(registered).replace(r":\*", r":\d{1,5}").replace(r"/\*", r"/[^?#]*")
    return re.fullmatch(pattern, uri) is not None
