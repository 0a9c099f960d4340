"""Token pairs at rest and access tokens on their way to the services: what is sealed, for whom, and as what."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from auth_service import states
from auth_service.errors import GrantUnreadable
from common.clock import UtcDatetime
from common.security.credentials import access_token_context
from common.security.sealing import Vault, seal_for
from tiktok.models import TokenResponse

FIELD = "grant"


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """A token pair in the clear: never leaves the function that opened it."""

    access_token: str
    refresh_token: str

    def __repr__(self) -> str:
        return "Tokens(…)"


class Recipients:
    """The services that get access tokens, each by its public key. `fingerprint` tells one set of keys from another."""

    def __init__(self, keys: Mapping[str, X25519PublicKey]) -> None:
        """Take the public keys by service."""
        self._keys = dict(sorted(keys.items()))
        text = ",".join(f"{name}:{key.public_bytes_raw().hex()}" for name, key in self._keys.items())
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]

    def seal(self, access_token: str, *, account_id: str, version: int) -> dict[str, str]:
        """Seal an access token to each service."""
        context = access_token_context(account_id, version)
        return {name: seal_for(key, access_token.encode(), context) for name, key in self._keys.items()}


def seal_tokens(vault: Vault, tokens: Tokens, *, account_id: str, version: int) -> str:
    """Seal a pair for the vault, as this account's pair of this version and nothing else."""
    return vault.seal(msgspec.json.encode(tokens), owner=account_id, field=FIELD, version=version)


def open_tokens(vault: Vault, pair: states.Pair, *, account_id: str) -> Tokens:
    """Open a pair.

    Raises:
        CannotOpen: the key is not configured here, or the pair is not this account's of this version.
        GrantUnreadable: what is inside is no token pair.
    """
    plaintext = vault.open(pair.sealed, owner=account_id, field=FIELD, version=pair.version)
    try:
        return msgspec.json.decode(plaintext, type=Tokens)
    except msgspec.DecodeError:
        # Without the cause: its message may quote a token.
        raise GrantUnreadable(account_id=account_id, version=pair.version) from None


def tokens_of(grant: TokenResponse) -> Tokens:
    """Take the pair out of TikTok's answer."""
    return Tokens(access_token=grant.access_token, refresh_token=grant.refresh_token)


def pair_of(grant: TokenResponse, *, sealed: str, version: int, asked_at: UtcDatetime) -> states.Pair:
    """Date a pair by the moment it was asked for.

    TikTok tells remaining lifetimes only, and an answer may be read late:
    counted from then, a token would seem to live longer than it does.
    """
    return states.Pair(
        version=version,
        sealed=sealed,
        granted_at=asked_at,
        access_expires_at=asked_at + timedelta(seconds=grant.expires_in),
        refresh_expires_at=asked_at + timedelta(seconds=grant.refresh_expires_in),
    )
