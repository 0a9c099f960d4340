"""The story reads well in a terminal and in a file."""

import io

from rich.console import Console

from stack.demo.screen import Lines, Stopwatch, Terminal, Tone, opened


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=terminal, width=60, _environ={"TERM": "xterm"}), written


def test_a_file_gets_lines_with_times_and_no_colours() -> None:
    printer, written = console(terminal=False)
    with opened(printer, Stopwatch()) as screen:
        assert isinstance(screen, Lines)
        screen.tell("kill -9 uploader " + "x" * 80, Tone.KILL)
    text = written.getvalue()
    assert text == "   0.0 s kill -9 uploader " + "x" * 80 + "\n"


def test_a_file_gets_a_line_for_every_tenth() -> None:
    printer, written = console(terminal=False)
    with opened(printer, Stopwatch()) as screen:
        for done in range(0, 1001, 5):
            screen.bar("bytes", done, 1000)
    told = [line.split("bytes: ")[1].split(" %")[0] for line in written.getvalue().splitlines()]
    assert told == [str(percent) for percent in range(0, 101, 10)]


def test_a_terminal_gets_one_bar_that_moves() -> None:
    printer, written = console(terminal=True)
    with opened(printer, Stopwatch()) as screen:
        assert isinstance(screen, Terminal)
        screen.bar("making", 10, 10)
        screen.bar("bytes", 3, 10)
        screen.tell("post.accepted", Tone.EVENT)
    last = written.getvalue().rsplit("post.accepted", 1)[1]
    assert "30%" in last
    assert "making" not in last
