"""A dict that remembers which rows changed.

Saving then costs what changed, not what exists.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from typing_extensions import override

Key = TypeVar("Key")
Value = TypeVar("Value")


class Table(dict[Key, Value]):
    """A dict of immutable values.

    `changed_keys` are the keys set or removed since the last save.

    Only replacing a value marks it as changed. A value that is mutated in place would never be saved.
    """

    def __init__(self, rows: Mapping[Key, Value] | Iterable[tuple[Key, Value]] = ()) -> None:
        super().__init__(rows)
        self.changed_keys: set[Key] = set()

    @override
    def __setitem__(self, key: Key, value: Value) -> None:
        self.changed_keys.add(key)
        super().__setitem__(key, value)

    @override
    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        self.changed_keys.add(key)

    @override
    def setdefault(self, key: Key, default: Value) -> Value:
        if key not in self:
            self[key] = default
        return self[key]

    @override
    def pop(self, key: Key, *default: Value) -> Value:  # type: ignore[override]  # as few of dict's shapes as are used
        self.changed_keys.add(key)
        return super().pop(key, *default)

    @override
    def clear(self) -> None:
        self.changed_keys.update(self)
        super().clear()

    @override
    def update(self, rows: Mapping[Key, Value]) -> None:  # type: ignore[override]  # as few of dict's shapes as are used
        for key, value in rows.items():
            self[key] = value

    def only(self, rows: Mapping[Key, Value]) -> None:
        """Keep exactly these rows: remove all others, and replace those that differ."""
        for key in [key for key in self if key not in rows]:
            del self[key]
        self.update({key: value for key, value in rows.items() if self.get(key) is not value})
