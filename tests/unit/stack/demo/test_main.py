"""The demo deletes what the last demo left, and nothing else."""

from pathlib import Path

import pytest

from stack import state
from stack.demo.__main__ import clear_folder, demo_options
from stack.demo.errors import DemoAlreadyRunning, ForeignFolder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def test_clear_folder_deletes_the_last_demo(folder: Path) -> None:
    with state.locked(folder):
        (folder / "kafka").mkdir()
    clear_folder(folder, demo_options())
    assert not folder.exists()
    clear_folder(folder, demo_options())


def test_clear_folder_refuses_foreign_files(folder: Path) -> None:
    folder.mkdir()
    mine = folder / "mine.txt"
    mine.write_text("kept")
    with pytest.raises(ForeignFolder, match="--folder"):
        clear_folder(folder, demo_options())
    assert [path.name for path in folder.iterdir()] == [mine.name]


def test_clear_folder_refuses_a_running_demo(folder: Path) -> None:
    with state.locked(folder), pytest.raises(DemoAlreadyRunning):
        clear_folder(folder, demo_options())
    assert folder.exists()
