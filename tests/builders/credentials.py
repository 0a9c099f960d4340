"""An uploader's private key, and access tokens sealed for it."""

from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from builders.uploader_states import NOW
from common.contract.account import CredentialIssued
from common.security.sealing import seal_for

PRIVATE_KEY = X25519PrivateKey.generate()
TOKEN = "act.secret"


def credential(*, version: int = 3, expires_in: float = 3600, **changes: Any) -> CredentialIssued:
    context = f"acc_a|access_token|{version}"
    sealed = {"uploader": seal_for(PRIVATE_KEY.public_key(), TOKEN.encode(), context)}
    expires_at = NOW + timedelta(seconds=expires_in)
    fields: dict[str, Any] = {"scopes": ("video.publish",), "expires_at": expires_at, "sealed": sealed} | changes
    return CredentialIssued(account_id="acc_a", version=version, **fields)
