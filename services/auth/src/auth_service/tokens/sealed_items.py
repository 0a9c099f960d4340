"""What auth's states hold under the vault's keys: found, tried, and sealed anew under the newest."""

import hashlib
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from auth_service import states
from auth_service.errors import GrantUnreadable
from auth_service.tenants import states as tenant_states
from auth_service.tenants.apps import open_secret, seal_secret
from auth_service.tokens.token_pairs import open_tokens, seal_tokens
from common.contract.account import PairResealed
from common.contract.tenant import AppResealed, TikTokApp
from common.security.sealing import CannotOpen, Vault
from common.streams import StateKey

Held: TypeAlias = states.Pair | TikTokApp
"""What has a sealed text in it: an account's token pair, or a tenant's app with its secret."""


def held_in(state: states.Account | tenant_states.Customer | None) -> Held | None:
    """Return what a state keeps sealed, if it keeps anything."""
    match state:
        case tenant_states.Tenant(app=app):
            return app
        case tenant_states.ApiKey() | states.NeedsPerson() | states.Disconnected() | None:
            return None
        case (
            states.Issuing()
            | states.Connected()
            | states.Refreshing()
            | states.Ailing()
            | states.Expiring()
            | states.Disconnecting()
        ):
            return state.pair


def text_of(held: Held) -> str:
    """Return the sealed text itself."""
    return held.sealed if isinstance(held, states.Pair) else held.sealed_secret


def name_of(key: StateKey, held: Held) -> str:
    """Name what is held, for people."""
    if isinstance(held, states.Pair):
        return f"the token pair of account {key.partition_key}"
    return f"the secret of app {held.client_key} of tenant {key.partition_key}"


def seal_anew(vault: Vault, key: StateKey, held: Held) -> PairResealed | AppResealed:
    """Seal what a state holds under the newest key, for the place where it is.

    Raises:
        CannotOpen: the key is not configured here, or what is held was sealed for another place.
        GrantUnreadable: a pair opens, and is none.
    """
    replaces = hashlib.sha256(text_of(held).encode()).hexdigest()
    if isinstance(held, states.Pair):
        tokens = open_tokens(vault, held, account_id=key.partition_key)
        sealed = seal_tokens(vault, tokens, account_id=key.partition_key, version=held.version)
        return PairResealed(account_id=key.partition_key, replaces=replaces, sealed=sealed)
    secret = open_secret(vault, key.partition_key, held)
    sealed = seal_secret(vault, key.partition_key, held.client_key, secret)
    return AppResealed(tenant=key.partition_key, replaces=replaces, sealed=sealed)


def opens(vault: Vault, key: StateKey, held: Held) -> bool:
    """Whether a vault opens what a state holds."""
    try:
        if isinstance(held, states.Pair):
            open_tokens(vault, held, account_id=key.partition_key)
        else:
            open_secret(vault, key.partition_key, held)
    except (CannotOpen, GrantUnreadable):
        return False
    return True


def opens_in_place(vault: Vault) -> Callable[[StateKey, states.Account | tenant_states.Customer, str], bool]:
    """Return what tells whether a vault opens a text that is to take the place of the one in a state."""

    def opens_there(key: StateKey, state: states.Account | tenant_states.Customer, sealed: str) -> bool:
        match held_in(state):
            case states.Pair() as pair:
                return opens(vault, key, msgspec.structs.replace(pair, sealed=sealed))
            case TikTokApp() as app:
                return opens(vault, key, msgspec.structs.replace(app, sealed_secret=sealed))
            case None:
                return False

    return opens_there
