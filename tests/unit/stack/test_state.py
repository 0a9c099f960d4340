"""The state file and the lock of a stack's folder."""

from pathlib import Path

import pytest

from stack import state
from stack.errors import AlreadyRunning


def test_read_returns_what_was_written(tmp_path: Path) -> None:
    assert state.read(tmp_path) is None
    written = state.State(pid=7, ready=True, ports={"kafka": 9092}, addresses={"kafka": "127.0.0.1:9092"})
    state.write(tmp_path, written)
    assert state.read(tmp_path) == written
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_locked_folder_refuses_a_second_stack(tmp_path: Path) -> None:
    with state.locked(tmp_path):
        assert state.is_locked(tmp_path)
        with pytest.raises(AlreadyRunning, match="make down"), state.locked(tmp_path):
            pass
    assert not state.is_locked(tmp_path)


def test_stack_folder_is_missing_empty_or_locked_once(tmp_path: Path) -> None:
    assert state.is_stack_folder(tmp_path / "missing")
    assert state.is_stack_folder(tmp_path)
    (tmp_path / "mine.txt").touch()
    assert not state.is_stack_folder(tmp_path)
    with state.locked(tmp_path):
        pass
    assert state.is_stack_folder(tmp_path)
