"""How workers name a post's state: its account's lane, and there its tenant and its id.

An account may change its tenant. What two tenants call alike in it are two posts, which know nothing of each other.
"""

from common.streams import StateKey


def post_state_key(account_id: str, tenant: str, post_id: str) -> StateKey:
    """Name a post. No id has a `/` in it."""
    return StateKey(account_id, f"{tenant}/{post_id}")


def post_id_of(key: StateKey) -> str:
    """The id that the post's tenant chose."""
    return key.entity_id.rpartition("/")[2]
