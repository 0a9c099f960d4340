"""Who may act for whom: authorization requests, single-use codes, access tokens, rotating refresh tokens."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, structs

from sandbox.answers import Answer, failed, oauth_failed
from sandbox.identifiers import Identifiers
from sandbox.settings import App, Lifetimes, Platform
from sandbox.tables import Table

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_VERIFIER: Final = _CHALLENGE


class AuthorizationRequest(Struct, frozen=True, kw_only=True):
    """What the app asks a person for."""

    client_key: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str


class Bad(Struct, frozen=True):
    """A request TikTok answers with its own error page; it names the parameter."""

    parameter: str


class Code(Struct, frozen=True, kw_only=True):
    """An authorization code waiting to be exchanged."""

    open_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float


class Permission(Struct, frozen=True, kw_only=True):
    """What a token stands for, and until when."""

    open_id: str
    scopes: tuple[str, ...]
    expires_at: float


class Grants:
    """Every code and token that still works; what is used up is simply gone."""

    def __init__(self) -> None:
        self.codes: Table[str, Code] = Table()
        self.access: Table[str, Permission] = Table()
        self.refresh: Table[str, Permission] = Table()

    def __repr__(self) -> str:
        return f"Grants({len(self.access)} access tokens)"


def read_request(app: App, query: Mapping[str, str]) -> AuthorizationRequest | Bad:
    """Check what the browser brought. A challenge in the wrong encoding passes here and fails at the exchange."""
    scopes = tuple(part for part in query.get("scope", "").split(",") if part)
    challenge = query.get("code_challenge", "")
    checks = {
        "client_key": query.get("client_key") == app.client_key,
        "response_type": query.get("response_type") == "code",
        "redirect_uri": redirect_allowed(app, query.get("redirect_uri", "")),
        "scope": bool(scopes) and set(scopes) <= set(app.scopes),
        "state": bool(query.get("state")),
        "code_challenge": _challenge_allowed(app, challenge),
        "code_challenge_method": not challenge or query.get("code_challenge_method") == "S256",
    }
    for parameter, fine in checks.items():
        if not fine:
            return Bad(parameter)
    return AuthorizationRequest(
        client_key=query["client_key"],
        redirect_uri=query["redirect_uri"],
        scopes=scopes,
        state=query["state"],
        challenge=challenge,
    )


def _challenge_allowed(app: App, challenge: str) -> bool:
    if not challenge:
        return app.platform is Platform.WEB
    return _CHALLENGE.fullmatch(challenge) is not None


def redirect_allowed(app: App, uri: str) -> bool:
    """Whether a redirect is registered and of the kind the platform allows."""
    parts = urlsplit(uri)
    if parts.query or parts.fragment or not parts.hostname:
        return False
    if app.platform is Platform.DESKTOP and parts.hostname not in {"localhost", "127.0.0.1"}:
        return False
    if app.platform is Platform.WEB and parts.scheme != "https":
        return False
    return any(_matches(registered, uri) for registered in app.redirect_uris)


def _matches(registered: str, uri: str) -> bool:
    pattern = re.escape(registered).replace(r":\*", r":\d{1,5}").replace(r"/\*", r"/[^?#]*")
    return re.fullmatch(pattern, uri) is not None


def issue_code(
    grants: Grants, ids: Identifiers, request: AuthorizationRequest, *, open_id: str, lifetimes: Lifetimes, now: float
) -> str:
    """A person agreed: a code for exactly what was agreed to."""
    code = ids.authorization_code()
    grants.codes[code] = Code(
        open_id=open_id,
        scopes=request.scopes,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        expires_at=now + lifetimes.authorization_code,
    )
    return code


def subject_of_form(grants: Grants, form: Mapping[str, str]) -> str | None:
    """Whose tokens a token request is about, if that can be known before it is answered."""
    code = grants.codes.get(form.get("code", ""))
    permission = grants.refresh.get(form.get("refresh_token", ""))
    if code is not None:
        return code.open_id
    return None if permission is None else permission.open_id


def answer_token(
    grants: Grants, app: App, ids: Identifiers, form: Mapping[str, str], *, lifetimes: Lifetimes, now: float
) -> Answer:
    """The token endpoint."""
    if not form.get("client_secret"):
        return oauth_failed("invalid_request", "Client secret is missed in request.")
    if not _is_app(app, form):
        return oauth_failed("invalid_client", "Client key or secret is incorrect.")
    match form.get("grant_type"):
        case "authorization_code":
            return _exchange(grants, ids, form, lifetimes=lifetimes, now=now)
        case "refresh_token":
            return _refresh(grants, ids, form, lifetimes=lifetimes, now=now)
        case _:
            return oauth_failed("unsupported_grant_type", "The grant type is not supported.")


def _is_app(app: App, form: Mapping[str, str]) -> bool:
    same_key = form.get("client_key") == app.client_key
    same_secret = hmac.compare_digest(form.get("client_secret", "").encode(), app.client_secret.encode())
    return same_key and same_secret


def _exchange(grants: Grants, ids: Identifiers, form: Mapping[str, str], *, lifetimes: Lifetimes, now: float) -> Answer:
    code = grants.codes.get(form.get("code", ""))
    if code is None or code.expires_at <= now:
        return oauth_failed("invalid_grant", "Authorization code is expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        return oauth_failed("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
    if code.challenge and not _verifies(form.get("code_verifier", ""), code.challenge):
        return oauth_failed("invalid_request", "Code verifier or code challenge is invalid.")
    del grants.codes[form["code"]]
    return _issue(grants, ids, open_id=code.open_id, scopes=code.scopes, lifetimes=lifetimes, now=now)


def _verifies(verifier: str, challenge: str) -> bool:
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    # TikTok wants hex where RFC 7636 has base64url.
    return hashlib.sha256(verifier.encode()).hexdigest() == challenge


def _refresh(grants: Grants, ids: Identifiers, form: Mapping[str, str], *, lifetimes: Lifetimes, now: float) -> Answer:
    token = form.get("refresh_token", "")
    permission = grants.refresh.get(token)
    if permission is None or permission.expires_at <= now:
        return oauth_failed("invalid_grant", "Refresh token is invalid or expired.")
    del grants.refresh[token]
    return _issue(grants, ids, open_id=permission.open_id, scopes=permission.scopes, lifetimes=lifetimes, now=now)


def _issue(
    grants: Grants, ids: Identifiers, *, open_id: str, scopes: tuple[str, ...], lifetimes: Lifetimes, now: float
) -> Answer:
    access, refresh = ids.access_token(), ids.refresh_token()
    permission = Permission(open_id=open_id, scopes=scopes, expires_at=now + lifetimes.access_token)
    grants.access[access] = permission
    grants.refresh[refresh] = structs.replace(permission, expires_at=now + lifetimes.refresh_token)
    return Answer(
        body={
            "open_id": open_id,
            "scope": ",".join(scopes),
            "access_token": access,
            "expires_in": lifetimes.access_token,
            "refresh_token": refresh,
            "refresh_expires_in": lifetimes.refresh_token,
            "token_type": "Bearer",
        }
    )


def answer_revoke(grants: Grants, app: App, form: Mapping[str, str]) -> Answer:
    """Forget everything the person behind an access token allowed."""
    if not _is_app(app, form):
        return oauth_failed("invalid_client", "Client key or secret is incorrect.")
    permission = grants.access.get(form.get("token", ""))
    if permission is None:
        return oauth_failed("invalid_request", "The request parameters are malformed.")
    disconnect(grants, permission.open_id)
    return Answer(body={})


def disconnect(grants: Grants, open_id: str) -> None:
    """Every token of this person stops working."""
    for tokens in (grants.access, grants.refresh):
        for token in [token for token, given in tokens.items() if given.open_id == open_id]:
            del tokens[token]


def permitted(grants: Grants, token: str, scopes: tuple[str, ...], now: float) -> Permission | Answer:
    """What a bearer token allows, if it is alive and has one of the scopes."""
    permission = grants.access.get(token)
    if permission is None or permission.expires_at <= now:
        return failed("access_token_invalid")
    if not set(scopes) & set(permission.scopes):
        return failed("scope_not_authorized")
    return permission
