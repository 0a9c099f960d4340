"""Opens the access tokens that auth publishes: sealed to each service, bound to one account and version."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from common.clock import Clock
from common.contract.account import CredentialIssued, CredentialWithdrawn
from common.contract.topics import AUTH_CREDENTIALS
from common.errors import CannotOpen
from common.metrics import UNREADABLE_CREDENTIALS
from common.security.sealing import open_sealed
from common.streams import Views

_log = structlog.get_logger()


MIN_TOKEN_LIFE: Final = timedelta(seconds=30)
"""A token that expires sooner could expire during the call."""

NONE_YET: Final = -1
"""The version of an account without a credential: lower than every real version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token that can be used now. `version` is that of its credential; TikTok's refusal is reported with it."""

    text: str = field(repr=False)
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAccessToken:
    """There is no usable token up to this version. `unreadable`: it is sealed to another key than ours."""

    version: int
    unreadable: bool = False


def access_token_context(account_id: str, version: int) -> str:
    """Return the context that a sealed access token is bound to, so that a copy opens for no other account."""
    return f"{account_id}|access_token|{version}"


class AccessTokens:
    """Opens what auth sealed to one service."""

    def __init__(self, *, service: str, private_key: X25519PrivateKey, clock: Clock) -> None:
        """`service` is the recipient's name in the credential, `private_key` the key that only it has."""
        self._service = service
        self._private_key = private_key
        self._clock = clock

    def of(self, account_id: str, views: Views, *, tenant: str = "") -> AccessToken | NoAccessToken:
        """Return the account's newest access token, if this service can use it now for this tenant.

        The account may have moved to another tenant since a post was requested. Its token must not publish that post.
        """
        credential = views.get(AUTH_CREDENTIALS, account_id)
        if isinstance(credential, CredentialWithdrawn):
            return NoAccessToken(version=credential.version)
        if not isinstance(credential, CredentialIssued):
            return NoAccessToken(version=NONE_YET)
        sealed = credential.sealed.get(self._service)
        if tenant and not credential.serves(tenant):
            return NoAccessToken(version=credential.version)
        # None: auth sealed this version to other services, not to this one.
        if sealed is None or credential.expires_at - self._clock() < MIN_TOKEN_LIFE:
            return NoAccessToken(version=credential.version)
        return self._open(account_id, credential.version, sealed)

    def _open(self, account_id: str, version: int, sealed: str) -> AccessToken | NoAccessToken:
        try:
            text = open_sealed(self._private_key, sealed, access_token_context(account_id, version)).decode()
        # Not raised: one unreadable credential must not stop the posts of other accounts.
        except CannotOpen as error:
            UNREADABLE_CREDENTIALS.inc()
            _log.warning("credential_unreadable", account_id=account_id, version=version, fault=str(error))
            return NoAccessToken(version=version, unreadable=True)
        return AccessToken(text=text, version=version)
