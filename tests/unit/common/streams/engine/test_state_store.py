"""The state store holds states by account and forgets an account with its last state."""

from common.streams import StateKey
from common.streams.engine.state_store import StateStore

A, B, OTHER = StateKey("acc", "a"), StateKey("acc", "b"), StateKey("other", "a")


def store_of(*keys: StateKey) -> StateStore[str]:
    store: StateStore[str] = StateStore()
    for key in keys:
        store.put(key, f"state of {key.entity_id}", "00-trace")
    return store


def test_state_store_groups_states_by_account() -> None:
    store = store_of(A, B, OTHER)
    assert store.group("acc") == {"a": "state of a", "b": "state of b"}
    assert list(store.keys()) == [A, B, OTHER]


def test_state_store_deleted_state_takes_its_trace_along() -> None:
    store = store_of(A)
    store.put(A, None, None)
    assert (store.get(A), store.trace(A), store.group("acc"), list(store.all())) == (None, None, {}, [])


def test_state_store_delete_without_state_changes_nothing() -> None:
    store = store_of(B)
    store.put(A, None, None)
    store.put(OTHER, None, None)
    assert list(store.keys()) == [B]


def test_state_store_keeps_the_trace_of_a_state() -> None:
    store = store_of(A)
    store.put(A, "next", None)
    assert (store.get(A), store.trace(A)) == ("next", "00-trace")
