"""Who may act for whom: single-use codes, access tokens, rotating refresh tokens."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, structs

from tiktok_sandbox.model.answers import Answer, failed, oauth_failed
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.issued_secrets import Kind, Secrets
from tiktok_sandbox.model.settings import App, Lifetimes
from tiktok_sandbox.runtime.table import Table

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_TIDIED_BEYOND: Final = 1_024


class AuthorizationRequest(Struct, frozen=True, kw_only=True):
    """What the app asks a person for."""

    client_key: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str


class Code(Struct, frozen=True, kw_only=True):
    """An authorization code waiting to be exchanged."""

    client_key: str
    open_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float


class Permission(Struct, frozen=True, kw_only=True):
    """What a token stands for, and until when; a refresh token knows the access token it came with."""

    client_key: str
    open_id: str
    scopes: tuple[str, ...]
    expires_at: float
    access_token: str = ""

    def __repr__(self) -> str:
        return f"Permission({self.open_id})"


class Grants:
    """Every code and token that still works; what is used up is simply gone."""

    def __init__(self) -> None:
        self.codes: Table[str, Code] = Table()
        self.access: Table[str, Permission] = Table()
        self.refresh: Table[str, Permission] = Table()
        self.sessions: dict[str, str] = {}
        self.secrets = Secrets()

    def tidy(self, now: float) -> None:
        """Forget access tokens that have expired, once most have: every refresh leaves one behind."""
        if len(self.access) > _TIDIED_BEYOND + 4 * len(self.refresh):
            for token in [token for token, given in self.access.items() if given.expires_at <= now]:
                del self.access[token]

    def __repr__(self) -> str:
        return f"Grants({len(self.access)} access tokens)"


def issue_code(
    grants: Grants, ids: Identifiers, request: AuthorizationRequest, *, open_id: str, lifetimes: Lifetimes, now: float
) -> str:
    """A person agreed: a code for exactly what was agreed to."""
    code = grants.secrets.note(Kind.AUTHORIZATION_CODE, ids.authorization_code(), open_id)
    grants.codes[code] = Code(
        client_key=request.client_key,
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
    grants: Grants, app: App | None, ids: Identifiers, form: Mapping[str, str], *, lifetimes: Lifetimes, now: float
) -> Answer:
    """The token endpoint; `app` is the one whose key the form names."""
    refused = why_app_refused(app, form)
    if refused is not None or app is None:
        return refused or wrong_app()
    desk = _Desk(grants=grants, client_key=app.client_key, ids=ids, lifetimes=lifetimes, now=now)
    match form.get("grant_type", ""):
        case "authorization_code":
            return _exchange(desk, form)
        case "refresh_token":
            return _refresh(desk, form)
        case "client_credentials":
            return _own_token(desk)
        case "":
            return malformed()
        case _:
            return oauth_failed("unsupported_grant_type", "The grant type is not supported.")


def malformed() -> Answer:
    """The body is no form, or lacks what it must have."""
    return oauth_failed("invalid_request", "The request parameters are malformed.")


def wrong_app() -> Answer:
    """No such app, or another secret."""
    return oauth_failed("invalid_client", "Client key or secret is incorrect.")


def why_app_refused(app: App | None, form: Mapping[str, str]) -> Answer | None:
    """How a form that is not the app's own is refused."""
    secret = form.get("client_secret", "")
    if not secret:
        return oauth_failed("invalid_request", "Client secret is missed in request.")
    if app is None or not hmac.compare_digest(secret.encode(), app.client_secret.encode()):
        return wrong_app()
    return None


class _Desk(Struct, frozen=True, kw_only=True):
    """Who asks for tokens, when, and what they are drawn from."""

    grants: Grants
    client_key: str
    ids: Identifiers
    lifetimes: Lifetimes
    now: float


def _exchange(desk: _Desk, form: Mapping[str, str]) -> Answer:
    code = desk.grants.codes.get(form.get("code", ""))
    if code is None or code.expires_at <= desk.now or code.client_key != desk.client_key:
        return oauth_failed("invalid_grant", "Authorization code is expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        return oauth_failed("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
    verifier = form.get("code_verifier", "")
    if verifier:
        desk.grants.secrets.note(Kind.CODE_VERIFIER, verifier, code.open_id)
    if code.challenge and not _verifies(verifier, code.challenge):
        return oauth_failed("invalid_request", "Code verifier or code challenge is invalid.")
    del desk.grants.codes[form["code"]]
    renewed = desk.now + desk.lifetimes.of_refresh
    return _issue(desk, open_id=code.open_id, scopes=code.scopes, refreshable_until=renewed)


def _verifies(verifier: str, challenge: str) -> bool:
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    # TikTok wants hex where RFC 7636 has base64url.
    return hashlib.sha256(verifier.encode()).hexdigest() == challenge


def _refresh(desk: _Desk, form: Mapping[str, str]) -> Answer:
    token = form.get("refresh_token", "")
    permission = desk.grants.refresh.get(token)
    if permission is None or permission.expires_at <= desk.now or permission.client_key != desk.client_key:
        return oauth_failed("invalid_grant", "Refresh token is invalid or expired.")
    del desk.grants.refresh[token]
    if desk.lifetimes.refresh_ends_access and permission.access_token in desk.grants.access:
        del desk.grants.access[permission.access_token]
    whole_life = desk.now + desk.lifetimes.of_refresh
    until = whole_life if desk.lifetimes.refresh_renews else permission.expires_at
    return _issue(desk, open_id=permission.open_id, scopes=permission.scopes, refreshable_until=until)


def _issue(desk: _Desk, *, open_id: str, scopes: tuple[str, ...], refreshable_until: float) -> Answer:
    secrets, lives = desk.grants.secrets, desk.lifetimes.of_access
    access = secrets.note(Kind.ACCESS_TOKEN, desk.ids.access_token(), open_id)
    refresh = secrets.note(Kind.REFRESH_TOKEN, desk.ids.refresh_token(), open_id)
    permission = Permission(client_key=desk.client_key, open_id=open_id, scopes=scopes, expires_at=desk.now + lives)
    desk.grants.tidy(desk.now)
    desk.grants.access[access] = permission
    desk.grants.refresh[refresh] = structs.replace(permission, expires_at=refreshable_until, access_token=access)
    return Answer(
        body={
            "open_id": open_id,
            "scope": ",".join(scopes),
            "access_token": access,
            "expires_in": lives,
            "refresh_token": refresh,
            "refresh_expires_in": int(refreshable_until - desk.now),
            "token_type": "Bearer",
        }
    )


def _own_token(desk: _Desk) -> Answer:
    """A token for the app itself; nothing here takes it."""
    token = desk.grants.secrets.note(Kind.CLIENT_TOKEN, desk.ids.client_token())
    lives = desk.lifetimes.client_token
    return Answer(body={"access_token": token, "expires_in": lives, "token_type": "Bearer"})


def hand_out(
    grants: Grants,
    ids: Identifiers,
    *,
    client_key: str,
    open_id: str,
    scopes: tuple[str, ...],
    lifetimes: Lifetimes,
    now: float,
) -> Answer:
    """Tokens without a person or a code, as the token endpoint would answer them."""
    desk = _Desk(grants=grants, client_key=client_key, ids=ids, lifetimes=lifetimes, now=now)
    return _issue(desk, open_id=open_id, scopes=scopes, refreshable_until=now + lifetimes.of_refresh)


def to_revoke(grants: Grants, app: App | None, form: Mapping[str, str]) -> Permission | Answer:
    """What an app wants to give back, if the access token is its own and alive."""
    refused = why_app_refused(app, form)
    if refused is not None or app is None:
        return refused or wrong_app()
    permission = grants.access.get(form.get("token", ""))
    if permission is None or permission.client_key != app.client_key:
        return malformed()
    return permission


def disconnect(grants: Grants, open_id: str) -> str:
    """Every code and token of this person in this app stops working; the app's key, empty if there was none."""
    client_key = ""
    tables: tuple[Table[str, Code] | Table[str, Permission], ...] = (grants.codes, grants.access, grants.refresh)
    for table in tables:
        for token in [token for token, given in table.items() if given.open_id == open_id]:
            client_key = table[token].client_key
            del table[token]
    return client_key


def allowed_now(grants: Grants, open_id: str, now: float) -> set[str]:
    """Every scope a person has granted this app and not taken back."""
    alive = (each for each in grants.refresh.values() if each.open_id == open_id and each.expires_at > now)
    return {scope for each in alive for scope in each.scopes}


def permitted(grants: Grants, token: str, scopes: tuple[str, ...], now: float) -> Permission | Answer:
    """What a bearer token allows, if it is alive and has one of the scopes."""
    permission = grants.access.get(token)
    if permission is None or permission.expires_at <= now:
        return failed("access_token_invalid")
    if not set(scopes) & set(permission.scopes):
        return failed("scope_not_authorized")
    return permission
