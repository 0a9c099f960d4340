"""The output is readable in a terminal and in a file."""

import io

from rich.console import Console

from stack.demo.display import PlainDisplay, Stopwatch, Style, TerminalDisplay, open_display


def console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, force_terminal=terminal, width=60, _environ={"TERM": "xterm"}), written


def test_file_gets_lines_with_times_and_no_colours() -> None:
    printer, written = console(terminal=False)
    with open_display(printer, Stopwatch()) as display:
        assert isinstance(display, PlainDisplay)
        display.line("kill -9 uploader " + "x" * 80, Style.KILL)
    text = written.getvalue()
    assert text == "   0.0 s kill -9 uploader " + "x" * 80 + "\n"


def test_file_gets_a_line_at_every_tenth() -> None:
    printer, written = console(terminal=False)
    with open_display(printer, Stopwatch()) as display:
        for done in range(0, 1001, 5):
            display.bar("bytes", done, 1000)
    percents = [line.split("bytes: ")[1].split(" %")[0] for line in written.getvalue().splitlines()]
    assert percents == [str(percent) for percent in range(0, 101, 10)]


def test_terminal_gets_one_moving_bar() -> None:
    printer, written = console(terminal=True)
    with open_display(printer, Stopwatch()) as display:
        assert isinstance(display, TerminalDisplay)
        display.bar("making", 10, 10)
        display.bar("bytes", 3, 10)
        display.line("post.accepted", Style.EVENT)
    last = written.getvalue().rsplit("post.accepted", 1)[1]
    assert "30%" in last
    assert "making" not in last
