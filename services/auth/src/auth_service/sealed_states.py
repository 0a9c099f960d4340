"""What auth's states hold under the vault's keys: found, tried, and sealed anew under the newest."""

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from auth_service.account import (
    Account,
    Ailing,
    Connected,
    Disconnected,
    Disconnecting,
    Expiring,
    Issuing,
    NeedsPerson,
    Pair,
    Refreshing,
)
from auth_service.apps import open_secret, seal_secret
from auth_service.errors import GrantUnreadable
from auth_service.grants import open_tokens, seal_tokens
from auth_service.tenant import ApiKey, Customer, Tenant
from common.contract.account import PairResealed
from common.contract.tenant import AppResealed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from common.streams import StateKey

Held: TypeAlias = Pair | TikTokApp
"""What has a sealed text in it: an account's token pair, or a tenant's app with its secret."""


def held_in(state: Account | Customer | None) -> Held | None:
    """Return what a state keeps sealed, if it keeps anything."""
    match state:
        case Tenant(app=app):
            return app
        case ApiKey() | NeedsPerson() | Disconnected() | None:
            return None
        case Issuing() | Connected() | Refreshing() | Ailing() | Expiring() | Disconnecting():
            return state.pair


def text_of(held: Held) -> str:
    """Return the sealed text itself."""
    return held.sealed if isinstance(held, Pair) else held.sealed_secret


def name_of(key: StateKey, held: Held) -> str:
    """Name what is held, for people."""
    if isinstance(held, Pair):
        return f"the token pair of account {key.partition_key}"
    return f"the secret of app {held.client_key} of tenant {key.partition_key}"


def seal_anew(vault: Vault, key: StateKey, held: Held) -> PairResealed | AppResealed:
    """Seal what a state holds under the newest key, for the place where it is.

    Raises:
        CannotOpen: the key is not configured here, or what is held was sealed for another place.
        GrantUnreadable: a pair opens, and is none.
    """
    replaces = hashlib.sha256(text_of(held).encode()).hexdigest()
    if isinstance(held, Pair):
        tokens = open_tokens(vault, held, account_id=key.partition_key)
        sealed = seal_tokens(vault, tokens, account_id=key.partition_key, version=held.version)
        return PairResealed(account_id=key.partition_key, replaces=replaces, sealed=sealed)
    secret = open_secret(vault, key.partition_key, held)
    sealed = seal_secret(vault, key.partition_key, held.client_key, secret)
    return AppResealed(tenant=key.partition_key, replaces=replaces, sealed=sealed)


def opens(vault: Vault, key: StateKey, held: Held) -> bool:
    """Whether a vault opens what a state holds."""
    try:
        if isinstance(held, Pair):
            open_tokens(vault, held, account_id=key.partition_key)
        else:
            open_secret(vault, key.partition_key, held)
    except (CannotOpen, GrantUnreadable):
        return False
    return True


def opens_in_place(vault: Vault) -> Callable[[StateKey, Account | Customer, str], bool]:
    """Return what tells whether a vault opens a text that is to take the place of the one in a state."""

    def opens_there(key: StateKey, state: Account | Customer, sealed: str) -> bool:
        match held_in(state):
            case Pair() as pair:
                return opens(vault, key, msgspec.structs.replace(pair, sealed=sealed))
            case TikTokApp() as app:
                return opens(vault, key, msgspec.structs.replace(app, sealed_secret=sealed))
            case None:
                return False

    return opens_there
