"""State keys of posts: built and parsed only here, because three services must agree on them.

A post's state is on the partition of its account. An account may move to another tenant, and two tenants may choose the
same post id: these are two posts, so the tenant is part of the key.
"""

from common.streams import StateKey

_SEPARATOR = "/"


def post_state_key(account_id: str, tenant: str, post_id: str) -> StateKey:
    """Return the key of a post's state. No id contains the separator (`contract.post.Identifier`)."""
    return StateKey(account_id, f"{tenant}{_SEPARATOR}{post_id}")


def post_id_of(key: StateKey) -> str:
    """Return the id that the post's tenant chose."""
    return key.entity_id.rpartition(_SEPARATOR)[2]
