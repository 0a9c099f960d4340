"""Who may act for whom: single-use codes, access tokens, rotating refresh tokens."""

from typing import Final

from msgspec import Struct, structs

from tiktok_sandbox.model.answers import Answer
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.issued_secrets import IssuedSecrets, SecretKind
from tiktok_sandbox.model.settings import Lifetimes
from tiktok_sandbox.runtime.table import Table

_KEPT_EXPIRED_TOKENS: Final = 1_024


class AuthorizationRequest(Struct, frozen=True, kw_only=True):
    """What an app asks a person for."""

    client_key: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    challenge: str


class AuthorizationCode(Struct, frozen=True, kw_only=True):
    """A code that waits to be exchanged for tokens."""

    client_key: str
    open_id: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float


class Permission(Struct, frozen=True, kw_only=True):
    """What a token allows, and until when.

    A refresh token also knows the access token it came with.
    """

    client_key: str
    open_id: str
    scopes: tuple[str, ...]
    expires_at: float
    access_token: str = ""

    def __repr__(self) -> str:
        """Leave the tokens out; they must not reach a log."""
        return f"Permission({self.open_id})"


class Grants:
    """Every code and token that still works. What is used up or revoked is removed.

    `sessions` maps the consent page's cookie to a username.
    """

    def __init__(self) -> None:
        self.codes: Table[str, AuthorizationCode] = Table()
        self.access: Table[str, Permission] = Table()
        self.refresh: Table[str, Permission] = Table()
        # A plain dict is not saved: after a restart each browser sees the consent page again.
        self.sessions: dict[str, str] = {}
        self.secrets = IssuedSecrets()

    def drop_expired(self, now: float) -> None:
        """Remove expired access tokens once they are the majority.

        Each refresh leaves one behind.
        """
        if len(self.access) > _KEPT_EXPIRED_TOKENS + 4 * len(self.refresh):
            for token in [token for token, given in self.access.items() if given.expires_at <= now]:
                del self.access[token]

    def __repr__(self) -> str:
        """Show the number of tokens only."""
        return f"Grants({len(self.access)} access tokens)"


def issue_code(
    grants: Grants, ids: Identifiers, request: AuthorizationRequest, *, open_id: str, lifetimes: Lifetimes, now: float
) -> str:
    """Return a new code for exactly the scopes a person agreed to."""
    code = grants.secrets.record(SecretKind.AUTHORIZATION_CODE, ids.authorization_code(), open_id)
    grants.codes[code] = AuthorizationCode(
        client_key=request.client_key,
        open_id=open_id,
        scopes=request.scopes,
        redirect_uri=request.redirect_uri,
        challenge=request.challenge,
        expires_at=now + lifetimes.authorization_code,
    )
    return code


class TokenIssuer(Struct, frozen=True, kw_only=True):
    """The app that asks for tokens, the time, and where new tokens are stored."""

    grants: Grants
    client_key: str
    ids: Identifiers
    lifetimes: Lifetimes
    now: float


def issue_tokens(issuer: TokenIssuer, *, open_id: str, scopes: tuple[str, ...], refreshable_until: float) -> Answer:
    """Create an access and a refresh token, and answer as the token endpoint does."""
    secrets, lifetime = issuer.grants.secrets, issuer.lifetimes.access_token_seconds
    access = secrets.record(SecretKind.ACCESS_TOKEN, issuer.ids.access_token(), open_id)
    refresh = secrets.record(SecretKind.REFRESH_TOKEN, issuer.ids.refresh_token(), open_id)
    permission = Permission(
        client_key=issuer.client_key, open_id=open_id, scopes=scopes, expires_at=issuer.now + lifetime
    )
    # The refresh token keeps the access token's text, so that a refresh can end it if the settings say so.
    issuer.grants.drop_expired(issuer.now)
    issuer.grants.access[access] = permission
    issuer.grants.refresh[refresh] = structs.replace(permission, expires_at=refreshable_until, access_token=access)
    return Answer(
        body={
            "open_id": open_id,
            "scope": ",".join(scopes),
            "access_token": access,
            "expires_in": lifetime,
            "refresh_token": refresh,
            "refresh_expires_in": int(refreshable_until - issuer.now),
            "token_type": "Bearer",
        }
    )


def issue_without_consent(
    grants: Grants,
    ids: Identifiers,
    *,
    client_key: str,
    open_id: str,
    scopes: tuple[str, ...],
    lifetimes: Lifetimes,
    now: float,
) -> Answer:
    """Create tokens without a person or a code.

    For tests that start with a connected account.
    """
    issuer = TokenIssuer(grants=grants, client_key=client_key, ids=ids, lifetimes=lifetimes, now=now)
    return issue_tokens(issuer, open_id=open_id, scopes=scopes, refreshable_until=now + lifetimes.refresh_token_seconds)


def remove_grants(grants: Grants, open_id: str) -> str:
    """Remove every code and token of this person in this app.

    Return the app's client key, or an empty string if there was nothing to remove.
    """
    client_key = ""
    tables: tuple[Table[str, AuthorizationCode] | Table[str, Permission], ...] = (
        grants.codes,
        grants.access,
        grants.refresh,
    )
    for table in tables:
        # Collected first: a table must not change while it is read.
        for token in [token for token, given in table.items() if given.open_id == open_id]:
            client_key = table[token].client_key
            del table[token]
    return client_key


def granted_scopes(grants: Grants, open_id: str, now: float) -> set[str]:
    """Return every scope that a person has granted this app and not revoked."""
    # Access tokens expire in hours; what a person allows lives as long as the refresh token.
    alive = (each for each in grants.refresh.values() if each.open_id == open_id and each.expires_at > now)
    return {scope for each in alive for scope in each.scopes}
