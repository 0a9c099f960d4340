"""The stack's secrets, made at its first start: key pairs, the vault key, the client secret, the operator's secret."""

import base64
import secrets
from pathlib import Path
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

SEALED_TO = ("uploader", "publisher", "analytics")
"""Services that get access tokens, and so need a key pair."""
VAULT_KEY_ID = "stack-1"


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """What is secret in a stack. Its repr shows nothing."""

    private: dict[str, str]
    vault: str
    client_secret: str
    bootstrap: str = msgspec.field(default_factory=lambda: secrets.token_urlsafe(32))
    """Opens auth's admin API."""

    def __repr__(self) -> str:
        return "Keys(…)"

    @classmethod
    def fresh(cls) -> Self:
        """Make new ones."""
        return cls(
            private={name: _encode(X25519PrivateKey.generate().private_bytes_raw()) for name in SEALED_TO},
            vault=_encode(secrets.token_bytes(32)),
            client_secret=secrets.token_urlsafe(24),
        )

    def public(self, service: str) -> str:
        """Return the public half of a service's key pair."""
        private = X25519PrivateKey.from_private_bytes(base64.b64decode(self.private[service]))
        return _encode(private.public_key().public_bytes_raw())

    @property
    def public_list(self) -> str:
        """Whom auth seals access tokens to, as its settings want it."""
        return ",".join(f"{name}:{self.public(name)}" for name in SEALED_TO)

    @property
    def named_vault_key(self) -> str:
        """What auth seals tokens at rest with, as its settings want it."""
        return f"{VAULT_KEY_ID}:{self.vault}"


def load(folder: Path) -> Keys:
    """Read a stack's keys; make and keep them at the first call, and those that an older stack did not have."""
    path = folder / "keys.json"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    kept = path.read_bytes()
    keys = msgspec.json.decode(kept, type=Keys) if kept else Keys.fresh()
    if (whole := msgspec.json.encode(keys)) != kept:
        path.write_bytes(whole)
    return keys


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
