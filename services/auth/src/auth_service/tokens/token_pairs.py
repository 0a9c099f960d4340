"""Seals token pairs for the vault, and access tokens for the services.

At rest a pair is sealed with the vault's keys, which auth alone has. A service gets the access token only, sealed to
its own public key. The refresh token never leaves auth.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from auth_service.errors import TokenPairUnreadable
from auth_service.states import SealedTokenPair
from common.clock import UtcDatetime
from common.security.credentials import access_token_context
from common.security.sealing import Vault, seal_for
from tiktok.models import TokenResponse

FIELD: Final = "token_pair"
"""The field's name in the vault's associated data: another sealed secret of the account does not open as a pair."""


class TokenPair(msgspec.Struct, frozen=True, kw_only=True):
    """A token pair in the clear. It is never stored, logged or published."""

    access_token: str
    refresh_token: str

    def __repr__(self) -> str:
        return "TokenPair(…)"


class Recipients:
    """The services that get access tokens, each with its public key.

    `fingerprint` differs for each set of keys. An account's state holds the one it was issued under, so a new key leads
    to a new credential.
    """

    def __init__(self, keys: Mapping[str, X25519PublicKey]) -> None:
        """Take the public keys by service."""
        # Sorted: the order in the setting must not change the fingerprint, or every pair would be issued again.
        self._keys = dict(sorted(keys.items()))
        text = ",".join(f"{name}:{key.public_bytes_raw().hex()}" for name, key in self._keys.items())
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:16]

    def seal(self, access_token: str, *, account_id: str, version: int) -> dict[str, str]:
        """Return the access token by service, sealed to each."""
        # The context binds the text to account and version, so an old credential cannot stand in for a new one.
        context = access_token_context(account_id, version)
        return {name: seal_for(key, access_token.encode(), context) for name, key in self._keys.items()}


def seal_pair(
    vault: Vault, response: TokenResponse, *, account_id: str, version: int, requested_at: UtcDatetime
) -> SealedTokenPair:
    """Seal and date the pair of TikTok's answer.

    TikTok gives remaining lifetimes only, and an answer may be read late. They are counted from the request: counted
    from the reading, a token would seem to live longer than it does.
    """
    return SealedTokenPair(
        version=version,
        sealed=seal_tokens(vault, pair_in(response), account_id=account_id, version=version),
        granted_at=requested_at,
        access_expires_at=requested_at + timedelta(seconds=response.expires_in),
        refresh_expires_at=requested_at + timedelta(seconds=response.refresh_expires_in),
    )


def pair_in(response: TokenResponse) -> TokenPair:
    """Return the two tokens of TikTok's answer."""
    return TokenPair(access_token=response.access_token, refresh_token=response.refresh_token)


def seal_tokens(vault: Vault, pair: TokenPair, *, account_id: str, version: int) -> str:
    """Seal a pair. The text opens for this account and version only."""
    return vault.seal(msgspec.json.encode(pair), owner=account_id, field=FIELD, version=version)


def open_tokens(vault: Vault, pair: SealedTokenPair, *, account_id: str) -> TokenPair:
    """Open a sealed pair.

    Raises:
        CannotOpen: the key is not configured here, or the pair belongs to another account or version.
        TokenPairUnreadable: the content is no token pair.
    """
    plaintext = vault.open(pair.sealed, owner=account_id, field=FIELD, version=pair.version)
    try:
        return msgspec.json.decode(plaintext, type=TokenPair)
    except msgspec.DecodeError:
        # Without the cause: its message may quote a token.
        raise TokenPairUnreadable(account_id=account_id, version=pair.version) from None
