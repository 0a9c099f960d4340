"""Errors for a person at the terminal: they end with the log's last lines."""

from pathlib import Path

from stack.errors import NotReady, ProcessExited, tail


def test_tail_returns_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("\n".join(str(number) for number in range(100)))
    assert tail(log).splitlines() == [str(number) for number in range(85, 100)]


def test_tail_without_a_log_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "missing.log") == ""


def test_process_exited_shows_the_log(tmp_path: Path) -> None:
    log = tmp_path / "kafka.log"
    log.write_text("no space left on device")
    assert str(ProcessExited("kafka", log)) == "kafka ended. The last lines of kafka.log:\nno space left on device"


def test_not_ready_without_a_log_ends_after_the_time() -> None:
    assert str(NotReady("kafka", 60.0)) == "kafka was not ready after 60 s."
