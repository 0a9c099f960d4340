"""The token endpoints: exchange, refresh, client token, revoke.

And the check of bearer tokens.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final

from tiktok_sandbox.model.answers import Answer, error, oauth_error
from tiktok_sandbox.model.grants import Grants, Permission, TokenIssuer, issue_tokens
from tiktok_sandbox.model.issued_secrets import SecretKind
from tiktok_sandbox.model.permissions import RemovalReason, end_permission
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import Tables

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def account_of_form(grants: Grants, form: Mapping[str, str]) -> str | None:
    """Return the open id that a token request is about, or None if unknown."""
    code = grants.codes.get(form.get("code", ""))
    permission = grants.refresh.get(form.get("refresh_token", ""))
    if code is not None:
        return code.open_id
    return None if permission is None else permission.open_id


def answer_token(tables: Tables, form: Mapping[str, str], now: float) -> Answer:
    """Answer the token endpoint."""
    app = tables.apps.get(form.get("client_key", ""))
    refused = client_error(app, form)
    # client_error() returns None only if the app exists; the second half is for the type checker.
    if refused is not None or app is None:
        return refused or invalid_client()
    issuer = TokenIssuer(
        grants=tables.grants, client_key=app.client_key, ids=tables.ids, lifetimes=tables.settings.lifetimes, now=now
    )
    match form.get("grant_type", ""):
        case "authorization_code":
            return _exchange(issuer, form)
        case "refresh_token":
            return _refresh(issuer, form)
        case "client_credentials":
            return _client_token(issuer)
        case "":
            return malformed_request()
        case _:
            return oauth_error("unsupported_grant_type", "The grant type is not supported.")


def malformed_request() -> Answer:
    """Answer that the body is not a form, or lacks a required field."""
    return oauth_error("invalid_request", "The request parameters are malformed.")


def invalid_client() -> Answer:
    """Answer that there is no such app, or its secret is another."""
    return oauth_error("invalid_client", "Client key or secret is incorrect.")


def client_error(app: App | None, form: Mapping[str, str]) -> Answer | None:
    """Return the refusal of a form that the app itself did not send, or None."""
    secret = form.get("client_secret", "")
    if not secret:
        return oauth_error("invalid_request", "Client secret is missed in request.")
    if app is None or not hmac.compare_digest(secret.encode(), app.client_secret.encode()):
        return invalid_client()
    return None


def _exchange(issuer: TokenIssuer, form: Mapping[str, str]) -> Answer:
    """Exchange a code for tokens."""
    code = issuer.grants.codes.get(form.get("code", ""))
    if code is None or code.expires_at <= issuer.now or code.client_key != issuer.client_key:
        return oauth_error("invalid_grant", "Authorization code is expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        return oauth_error("invalid_request", "Redirect_uri is not matched with the uri when requesting code.")
    verifier = form.get("code_verifier", "")
    # Recorded even if it is wrong: it was sent over the wire and must not appear in a log.
    if verifier:
        issuer.grants.secrets.record(SecretKind.CODE_VERIFIER, verifier, code.open_id)
    if code.challenge and not _matches_challenge(verifier, code.challenge):
        return oauth_error("invalid_request", "Code verifier or code challenge is invalid.")
    # Only a successful exchange uses the code up.
    del issuer.grants.codes[form["code"]]
    renewed = issuer.now + issuer.lifetimes.refresh_token_seconds
    return issue_tokens(issuer, open_id=code.open_id, scopes=code.scopes, refreshable_until=renewed)


def _matches_challenge(verifier: str, challenge: str) -> bool:
    """Return whether a PKCE verifier belongs to the challenge."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    # TikTok encodes the hash in hex; RFC 7636 says base64url.
    return hashlib.sha256(verifier.encode()).hexdigest() == challenge


def _refresh(issuer: TokenIssuer, form: Mapping[str, str]) -> Answer:
    """Replace a refresh token with a new pair."""
    token = form.get("refresh_token", "")
    permission = issuer.grants.refresh.get(token)
    # A token of another app gets the same answer as an unknown one: the difference would give it away.
    if permission is None or permission.expires_at <= issuer.now or permission.client_key != issuer.client_key:
        return oauth_error("invalid_grant", "Refresh token is invalid or expired.")
    # Rotation: the old refresh token stops working in the same moment.
    del issuer.grants.refresh[token]
    if issuer.lifetimes.refresh_ends_access and permission.access_token in issuer.grants.access:
        del issuer.grants.access[permission.access_token]
    whole_life = issuer.now + issuer.lifetimes.refresh_token_seconds
    # TikTok does not document which of the two it does.
    until = whole_life if issuer.lifetimes.refresh_renews else permission.expires_at
    return issue_tokens(issuer, open_id=permission.open_id, scopes=permission.scopes, refreshable_until=until)


def _client_token(issuer: TokenIssuer) -> Answer:
    """Return a token for the app itself. No endpoint of the sandbox needs one."""
    token = issuer.grants.secrets.record(SecretKind.CLIENT_TOKEN, issuer.ids.client_token())
    lifetime = issuer.lifetimes.client_token
    return Answer(body={"access_token": token, "expires_in": lifetime, "token_type": "Bearer"})


def find_permission_to_revoke(grants: Grants, app: App | None, form: Mapping[str, str]) -> Permission | Answer:
    """Return what an app wants to revoke, if the access token is valid and its own."""
    refused = client_error(app, form)
    if refused is not None or app is None:
        return refused or invalid_client()
    permission = grants.access.get(form.get("token", ""))
    if permission is None or permission.client_key != app.client_key:
        return malformed_request()
    return permission


def authorize_bearer(grants: Grants, token: str, scopes: tuple[str, ...], now: float) -> Permission | Answer:
    """Return what a bearer token allows, if it is valid and has one of the scopes."""
    permission = grants.access.get(token)
    if permission is None or permission.expires_at <= now:
        return error("access_token_invalid")
    # One is enough: status and cancel serve drafts and direct posts.
    if not set(scopes) & set(permission.scopes):
        return error("scope_not_authorized")
    return permission


def answer_revoke(tables: Tables, form: Mapping[str, str], now: float) -> Answer:
    """Answer the revoke endpoint: end the permission behind an access token."""
    permission = find_permission_to_revoke(tables.grants, tables.apps.get(form.get("client_key", "")), form)
    if isinstance(permission, Answer):
        return permission
    end_permission(tables, permission.open_id, RemovalReason.REVOKED, now)
    return Answer(body={})
