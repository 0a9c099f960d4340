"""The demo's output: lines with times that stay, and below them a progress bar."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

PLAIN_STEP: Final = 10
"""Per cent between two lines where no bar can move: in a file or a pipe."""


class Style(StrEnum):
    """How a line looks."""

    STEP = "bold"
    NOTE = "default"
    EVENT = "cyan"
    KILL = "bold red"
    GOOD = "bold green"
    BAD = "bold red"


class Display(Protocol):
    """Where a command shows its progress."""

    def line(self, text: str, style: Style = Style.NOTE) -> None:
        """Add a line, with the seconds since the start."""

    def show(self, what: RenderableType) -> None:
        """Add something larger, such as a table."""

    def bar(self, label: str, done: int, total: int) -> None:
        """Set the bar of this label to `done` of `total` bytes."""


class Stopwatch:
    """Counts seconds from its creation."""

    def __init__(self) -> None:
        self._started_at = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since its creation."""
        return time.monotonic() - self._started_at

    def stamped(self, text: str, style: Style) -> Text:
        """Put the seconds in front of a text."""
        return Text.assemble((f"{self.seconds:6.1f} s ", "dim"), (text, style.value))


@contextmanager
def open_display(console: Console, stopwatch: Stopwatch) -> Iterator[Display]:
    """Choose the display: moving bars on a terminal, lines elsewhere."""
    # CI logs and pipes cannot move a bar back; there, a bar would add a line at every update.
    if console.is_terminal and not console.is_dumb_terminal:
        with _bars(console) as progress:
            yield TerminalDisplay(progress, stopwatch)
    else:
        yield PlainDisplay(console, stopwatch)


def _bars(console: Console) -> Progress:
    columns = (
        TextColumn("         {task.description}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        DownloadColumn(),
    )
    return Progress(*columns, console=console)


class TerminalDisplay:
    """A terminal: bars move in place below the lines."""

    def __init__(self, progress: Progress, stopwatch: Stopwatch) -> None:
        self._progress = progress
        self._stopwatch = stopwatch
        self._bars: dict[str, TaskID] = {}

    def line(self, text: str, style: Style = Style.NOTE) -> None:
        """Add a line above the bars."""
        self._progress.console.print(self._stopwatch.stamped(text, style))

    def show(self, what: RenderableType) -> None:
        """Add something above the bars."""
        self._progress.console.print(what)

    def bar(self, label: str, done: int, total: int) -> None:
        """Move a bar. A new label starts a new bar and hides the older ones."""
        if label not in self._bars:
            # One bar at a time: the older ones are finished.
            for old in self._bars.values():
                self._progress.update(old, visible=False)
            self._bars[label] = self._progress.add_task(label, total=total)
        self._progress.update(self._bars[label], completed=done, total=total)


class PlainDisplay:
    """A file or a pipe: lines only."""

    def __init__(self, console: Console, stopwatch: Stopwatch) -> None:
        self._console = console
        self._stopwatch = stopwatch
        self._last_percent: dict[str, int] = {}

    def line(self, text: str, style: Style = Style.NOTE) -> None:
        """Add a line."""
        self._console.print(self._stopwatch.stamped(text, style), soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Add something larger."""
        self._console.print(what)

    def bar(self, label: str, done: int, total: int) -> None:
        """Add a line at every tenth."""
        percent = 100 * done // total // PLAIN_STEP * PLAIN_STEP
        if percent > self._last_percent.get(label, -1):
            self._last_percent[label] = percent
            self.line(f"{label}: {percent} % ({done:,} of {total:,} bytes)")
