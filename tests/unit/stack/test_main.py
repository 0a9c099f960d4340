"""The command line of the stack: it ends with a status and a message that names the next step."""

from pathlib import Path

import pytest

from stack import state
from stack.__main__ import main
from stack.tls import certificates


@pytest.mark.parametrize("command", ["connect", "post"])
def test_step_without_a_stack_names_make_up(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"No stack runs in {tmp_path}. Start one with `make up`.\n"


def test_step_without_an_answer_names_make_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    addresses = {"auth": "http://127.0.0.1:1"}
    with state.locked(tmp_path):
        state.write(
            tmp_path,
            state.State(pid=1, ready=True, addresses=addresses, ca_file=str(certificates(tmp_path / "tls").ca)),
        )
        (tmp_path / "api-key").write_text("pb_of_acme\n")
        assert main(["connect", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.endswith("Check it with `make status`.\n")


def test_status_without_a_stack_names_make_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--folder", str(tmp_path)]) == 3
    assert "make up" in capsys.readouterr().out


def test_down_without_a_stack_succeeds(tmp_path: Path) -> None:
    assert main(["down", "--folder", str(tmp_path)]) == 0


def test_post_via_an_unknown_way_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["post", "--via", "pigeon"])
    assert "invalid choice" in capsys.readouterr().err
