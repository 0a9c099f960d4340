"""Who may act for whom: single-use codes, access tokens, rotating refresh tokens."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from tiktok_sandbox.model.answers import Answer, failed, oauth_failed
from tiktok_sandbox.model.grants import Grants, Permission, TokenIssuer, issue
from tiktok_sandbox.model.issued_secrets import Kind
from tiktok_sandbox.model.permissions import Removal, end
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import World

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def subject_of_form(grants: Grants, form: Mapping[str, str]) -> str | None:
    """Whose tokens a token request is about, if that can be known before it is answered."""
    code = grants.codes.get(form.get("code", ""))
    permission = grants.refresh.get(form.get("refresh_token", ""))
    if code is not None:
        return code.open_id
    return None if permission is None else permission.open_id


def answer_token(world: World, form: Mapping[str, str], now: float) -> Answer:
    """The token endpoint."""
    app = world.apps.get(form.get("client_key", ""))
    refused = why_app_refused(app, form)
    if refused is not None or app is None:
        return refused or wrong_app()
    desk = TokenIssuer(
        grants=world.grants, client_key=app.client_key, ids=world.ids, lifetimes=world.settings.lifetimes, now=now
    )
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


def _exchange(desk: TokenIssuer, form: Mapping[str, str]) -> Answer:
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
    return issue(desk, open_id=code.open_id, scopes=code.scopes, refreshable_until=renewed)


def _verifies(verifier: str, challenge: str) -> bool:
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    # TikTok wants hex where RFC 7636 has base64url.
    return hashlib.sha256(verifier.encode()).hexdigest() == challenge


def _refresh(desk: TokenIssuer, form: Mapping[str, str]) -> Answer:
    token = form.get("refresh_token", "")
    permission = desk.grants.refresh.get(token)
    if permission is None or permission.expires_at <= desk.now or permission.client_key != desk.client_key:
        return oauth_failed("invalid_grant", "Refresh token is invalid or expired.")
    del desk.grants.refresh[token]
    if desk.lifetimes.refresh_ends_access and permission.access_token in desk.grants.access:
        del desk.grants.access[permission.access_token]
    whole_life = desk.now + desk.lifetimes.of_refresh
    until = whole_life if desk.lifetimes.refresh_renews else permission.expires_at
    return issue(desk, open_id=permission.open_id, scopes=permission.scopes, refreshable_until=until)


def _own_token(desk: TokenIssuer) -> Answer:
    """A token for the app itself; nothing here takes it."""
    token = desk.grants.secrets.note(Kind.CLIENT_TOKEN, desk.ids.client_token())
    lives = desk.lifetimes.client_token
    return Answer(body={"access_token": token, "expires_in": lives, "token_type": "Bearer"})


def to_revoke(grants: Grants, app: App | None, form: Mapping[str, str]) -> Permission | Answer:
    """What an app wants to give back, if the access token is its own and alive."""
    refused = why_app_refused(app, form)
    if refused is not None or app is None:
        return refused or wrong_app()
    permission = grants.access.get(form.get("token", ""))
    if permission is None or permission.client_key != app.client_key:
        return malformed()
    return permission


def permitted(grants: Grants, token: str, scopes: tuple[str, ...], now: float) -> Permission | Answer:
    """What a bearer token allows, if it is alive and has one of the scopes."""
    permission = grants.access.get(token)
    if permission is None or permission.expires_at <= now:
        return failed("access_token_invalid")
    if not set(scopes) & set(permission.scopes):
        return failed("scope_not_authorized")
    return permission


def answer_revoke(world: World, form: Mapping[str, str], now: float) -> Answer:
    """Forget everything the person behind an access token allowed."""
    permission = to_revoke(world.grants, world.apps.get(form.get("client_key", "")), form)
    if isinstance(permission, Answer):
        return permission
    end(world, permission.open_id, Removal.REVOKED, now)
    return Answer(body={})
