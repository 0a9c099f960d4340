"""Finds what auth's states keep sealed, tries to open it, and seals it again under the newest vault key."""

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from auth_service import states
from auth_service.errors import TokenPairUnreadable
from auth_service.tenants import states as tenant_states
from auth_service.tenants.apps import open_secret, seal_secret
from auth_service.tokens.token_pairs import open_tokens, seal_tokens
from common.contract.account import TokenPairResealed
from common.contract.tenant import AppResealed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from common.streams import StateKey

SealedItem: TypeAlias = states.SealedTokenPair | TikTokApp
"""An account's token pair, or a tenant's app with its secret."""


def sealed_item_of(state: states.Account | tenant_states.TenantRecord | None) -> SealedItem | None:
    """Return what a state keeps sealed; None if it keeps nothing."""
    match state:
        case tenant_states.Tenant(app=app):
            return app
        case tenant_states.ApiKey() | states.ReauthorizationRequired() | states.Disconnected() | None:
            return None
        case states.PairState(pair=pair) | states.Disconnecting(pair=pair):
            return pair


def sealed_text(item: SealedItem) -> str:
    """Return the sealed text itself."""
    return item.sealed if isinstance(item, states.SealedTokenPair) else item.sealed_secret


def describe_item(key: StateKey, item: SealedItem) -> str:
    """Describe the item for the operator. The text follows a verb, as in `cannot open …`."""
    if isinstance(item, states.SealedTokenPair):
        return f"the token pair of account {key.partition_key}"
    return f"the secret of app {item.client_key} of tenant {key.partition_key}"


def reseal(vault: Vault, key: StateKey, item: SealedItem) -> TokenPairResealed | AppResealed:
    """Return the command that replaces an item by the same item under the newest key.

    Raises:
        CannotOpen: the key is not configured here, or the item was sealed for another owner or version.
        TokenPairUnreadable: the content is no token pair.
    """
    # Names the exact text, so a command that arrives after a refresh cannot put an old pair back.
    replaces = hashlib.sha256(sealed_text(item).encode()).hexdigest()
    if isinstance(item, states.SealedTokenPair):
        tokens = open_tokens(vault, item, account_id=key.partition_key)
        sealed = seal_tokens(vault, tokens, account_id=key.partition_key, version=item.version)
        return TokenPairResealed(account_id=key.partition_key, replaces=replaces, sealed=sealed)
    secret = open_secret(vault, key.partition_key, item)
    sealed = seal_secret(vault, key.partition_key, item.client_key, secret)
    return AppResealed(tenant=key.partition_key, replaces=replaces, sealed=sealed)


def can_open(vault: Vault, key: StateKey, item: SealedItem) -> bool:
    """Return whether the vault opens the item."""
    try:
        if isinstance(item, states.SealedTokenPair):
            open_tokens(vault, item, account_id=key.partition_key)
        else:
            open_secret(vault, key.partition_key, item)
    except (CannotOpen, TokenPairUnreadable):
        return False
    return True


def replacement_check(vault: Vault) -> Callable[[StateKey, states.Account | tenant_states.TenantRecord, str], bool]:
    """Make the check for a resealed text: it has to open where the state keeps the present one.

    Without it, a command under a key that differs between two processes could cost an account its pair.
    """

    def check(key: StateKey, state: states.Account | tenant_states.TenantRecord, sealed: str) -> bool:
        match sealed_item_of(state):
            case states.SealedTokenPair() as pair:
                return can_open(vault, key, msgspec.structs.replace(pair, sealed=sealed))
            case TikTokApp() as app:
                return can_open(vault, key, msgspec.structs.replace(app, sealed_secret=sealed))
            case None:
                return False

    return check
