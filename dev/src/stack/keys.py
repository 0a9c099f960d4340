"""The stack's secrets, generated at its first start and kept in its folder."""

import base64
import secrets
from pathlib import Path
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

TOKEN_READERS = ("uploader", "publisher", "analytics")
"""Services that auth seals access tokens to: each needs a key pair."""
VAULT_KEY_ID = "stack-1"


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Every secret of a stack. Its repr shows none of them."""

    private: dict[str, str]
    vault: str
    client_secret: str
    bootstrap: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    """The operators' secret for auth's admin API."""

    def __repr__(self) -> str:
        return "Keys(…)"

    @classmethod
    def generate(cls) -> Self:
        """Generate new secrets."""
        return cls(
            private={name: _encode(X25519PrivateKey.generate().private_bytes_raw()) for name in TOKEN_READERS},
            vault=_encode(secrets.token_bytes(32)),
            client_secret=secrets.token_urlsafe(24),
        )

    def public_key(self, service: str) -> str:
        """Return the public half of a service's key pair."""
        private = X25519PrivateKey.from_private_bytes(base64.b64decode(self.private[service]))
        return _encode(private.public_key().public_bytes_raw())

    @property
    def service_public_keys(self) -> str:
        """The value of `AUTH_SERVICE_PUBLIC_KEYS`."""
        return ",".join(f"{name}:{self.public_key(name)}" for name in TOKEN_READERS)

    @property
    def vault_keys(self) -> str:
        """The value of `AUTH_VAULT_KEYS`."""
        return f"{VAULT_KEY_ID}:{self.vault}"


def load(folder: Path) -> Keys:
    """Read a stack's secrets; the first call generates them.

    A later call adds those that an older file lacks.
    """
    path = folder / "keys.json"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Created with its mode before anything is written: other users can never read the secrets.
    path.touch(mode=0o600)
    kept = path.read_bytes()
    keys = msgspec.json.decode(kept, type=Keys) if kept else Keys.generate()
    # Written only if something was added, so that a start never changes a complete file.
    if (whole := msgspec.json.encode(keys)) != kept:
        path.write_bytes(whole)
    return keys


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
