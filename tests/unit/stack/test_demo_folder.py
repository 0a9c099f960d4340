"""The demo begins by removing what the last one left, and nothing else."""

from pathlib import Path

import pytest

from stack import state
from stack.demo.__main__ import begin_afresh, demo_options
from stack.demo.errors import NotOurs, UnderWay


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def test_what_the_last_demo_left_is_removed(folder: Path) -> None:
    with state.claimed(folder):
        (folder / "kafka").mkdir()
    begin_afresh(folder, demo_options())
    assert not folder.exists()
    begin_afresh(folder, demo_options())


def test_a_folder_of_something_else_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    mine = folder / "mine.txt"
    mine.write_text("kept")
    with pytest.raises(NotOurs, match="--folder"):
        begin_afresh(folder, demo_options())
    assert [path.name for path in folder.iterdir()] == [mine.name]


def test_a_demo_under_way_is_left_alone(folder: Path) -> None:
    with state.claimed(folder), pytest.raises(UnderWay):
        begin_afresh(folder, demo_options())
    assert folder.exists()
