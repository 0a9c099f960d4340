"""The committed states of one partition, in memory."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from common.streams.api import StateKey

S = TypeVar("S")


class StateStore(Generic[S]):
    """Holds the states by account, each with the trace it belongs to.

    Only a committed transaction changes it, so that what it holds is always what the state topic holds.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, S]] = {}
        self._traces: dict[StateKey, str] = {}

    def get(self, key: StateKey) -> S | None:
        """Return a state, or None if there is none."""
        return self._accounts.get(key.partition_key, {}).get(key.entity_id)

    def trace(self, key: StateKey) -> str | None:
        """Return the trace that a state belongs to."""
        return self._traces.get(key)

    def put(self, key: StateKey, state: S | None, trace: str | None) -> None:
        """Set a state, or delete it if it is None. Without a trace it keeps the one it has."""
        if state is None:
            self._traces.pop(key, None)
            entities = self._accounts.get(key.partition_key, {})
            entities.pop(key.entity_id, None)
            # An account without states must cost no memory.
            if not entities:
                self._accounts.pop(key.partition_key, None)
            return
        self._accounts.setdefault(key.partition_key, {})[key.entity_id] = state
        if trace is not None:
            self._traces[key] = trace

    def group(self, partition_key: str) -> Mapping[str, S]:
        """Return an account's states by entity id."""
        return self._accounts.get(partition_key, {})

    def keys(self) -> Iterator[StateKey]:
        """Return every key."""
        return (key for key, _ in self.all())

    def all(self) -> Iterator[tuple[StateKey, S]]:
        """Return every key with its state."""
        return (
            (StateKey(partition_key, entity_id), state)
            for partition_key, entities in self._accounts.items()
            for entity_id, state in entities.items()
        )
