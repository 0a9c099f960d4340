"""A table tracks its changes."""

from tiktok_sandbox.runtime.table import Table


def test_table_tracks_set_and_removed_keys() -> None:
    table = Table({"a": 1, "b": 2, "c": 3})
    del table["a"]
    table.setdefault("b", 9)
    table.setdefault("d", 4)
    table.pop("c", 0)
    table.update({"e": 5})

    assert table == {"b": 2, "d": 4, "e": 5}
    assert table.changed_keys == {"a", "c", "d", "e"}
