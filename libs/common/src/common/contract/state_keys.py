"""How workers name a post's state: its account's lane, and there its tenant and its id.

An account may change its tenant. What two tenants call alike in it are two posts, which know nothing of each other.
"""

from collections.abc import Callable
from typing import TypeVar

from common.streams.api import Key

S = TypeVar("S")


def post_key(account_id: str, tenant: str, post_id: str) -> Key:
    """Name a post. No id has a `/` in it."""
    return Key(account_id, f"{tenant}/{post_id}")


def post_id_of(key: Key) -> str:
    """The id that the post's tenant chose."""
    return key.item.rpartition("/")[2]


def named_in_full(tenant_of: Callable[[S], str]) -> Callable[[Key, S], Key]:
    """Return what names a post in full whose state was written when its account and id alone were its name."""

    def name(key: Key, state: S) -> Key:
        return key if "/" in key.item else post_key(key.lane, tenant_of(state), key.item)

    return name
