"""Token pairs, vaults and consents of made-up accounts."""

from datetime import timedelta

from auth_service.tokens.token_pairs import TokenPair, seal_tokens
from common.clock import UtcDatetime
from common.contract.account import ConnectRequested
from common.security.sealing import Vault

LIFE = timedelta(hours=2)
OLD, NEW = b"1" * 32, b"2" * 32
OLD_ALONE = Vault({"k1": OLD})
BOTH = Vault({"k2": NEW, "k1": OLD})
NEW_BEHIND = Vault({"k1": OLD, "k2": NEW})
NEW_ALONE = Vault({"k2": NEW})


def tokens_of(account_id: str, generation: int = 1) -> TokenPair:
    return TokenPair(access_token=f"act.{account_id}.{generation}", refresh_token=f"rft.{account_id}.{generation}")


def consent_of(
    account_id: str, tokens: TokenPair, *, vault: Vault, life: timedelta = LIFE, at: UtcDatetime
) -> ConnectRequested:
    """A person's consent, as an edge with these keys writes it down."""
    return ConnectRequested(
        account_id=account_id,
        tenant="acme",
        open_id=account_id,
        scopes=("video.publish",),
        sealed_tokens=seal_tokens(vault, tokens, account_id=account_id, version=0),
        granted_at=at,
        access_expires_at=at + life,
        refresh_expires_at=at + timedelta(days=180),
    )
