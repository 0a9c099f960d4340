"""What the person at the terminal sees: lines with times that stay, and below them a bar that moves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, Protocol

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.text import Text

PLAIN_STEP: Final = 10
"""Where a bar cannot move, a line says so at every so many per cent."""


class Tone(StrEnum):
    """How a line looks."""

    STEP = "bold"
    NOTE = "default"
    EVENT = "cyan"
    KILL = "bold red"
    GOOD = "bold green"
    BAD = "bold red"


class Screen(Protocol):
    """A place to tell the story."""

    def tell(self, text: str, tone: Tone = Tone.NOTE) -> None:
        """Add a line, with the time since the beginning."""

    def show(self, what: RenderableType) -> None:
        """Add something larger, a table."""

    def bar(self, label: str, done: int, total: int) -> None:
        """Move the bar of this label."""


class Stopwatch:
    """Counts from its making."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return time.monotonic() - self._began

    def line(self, text: str, tone: Tone) -> Text:
        """Put the time before a text."""
        return Text.assemble((f"{self.seconds:6.1f} s ", "dim"), (text, tone.value))


@contextmanager
def opened(console: Console, watch: Stopwatch) -> Iterator[Screen]:
    """Choose how to tell: with moving bars on a terminal, else line by line."""
    if console.is_terminal and not console.is_dumb_terminal:
        with _bars(console) as progress:
            yield Terminal(progress, watch)
    else:
        yield Lines(console, watch)


def _bars(console: Console) -> Progress:
    columns = (
        TextColumn("         {task.description}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        DownloadColumn(),
    )
    return Progress(*columns, console=console)


class Terminal:
    """A terminal: bars move in place below the lines."""

    def __init__(self, progress: Progress, watch: Stopwatch) -> None:
        self._progress = progress
        self._watch = watch
        self._bars: dict[str, TaskID] = {}

    def tell(self, text: str, tone: Tone = Tone.NOTE) -> None:
        """Add a line above the bars."""
        self._progress.console.print(self._watch.line(text, tone))

    def show(self, what: RenderableType) -> None:
        """Add something above the bars."""
        self._progress.console.print(what)

    def bar(self, label: str, done: int, total: int) -> None:
        """Move a bar; a new label begins a new one and the older ones go."""
        if label not in self._bars:
            for old in self._bars.values():
                self._progress.update(old, visible=False)
            self._bars[label] = self._progress.add_task(label, total=total)
        self._progress.update(self._bars[label], completed=done, total=total)


class Lines:
    """A file or a pipe: lines only."""

    def __init__(self, console: Console, watch: Stopwatch) -> None:
        self._console = console
        self._watch = watch
        self._told: dict[str, int] = {}

    def tell(self, text: str, tone: Tone = Tone.NOTE) -> None:
        """Add a line."""
        self._console.print(self._watch.line(text, tone), soft_wrap=True)

    def show(self, what: RenderableType) -> None:
        """Add something larger."""
        self._console.print(what)

    def bar(self, label: str, done: int, total: int) -> None:
        """Say at every tenth how far it is."""
        percent = 100 * done // total // PLAIN_STEP * PLAIN_STEP
        if percent > self._told.get(label, -1):
            self._told[label] = percent
            self.tell(f"{label}: {percent} % ({done:,} of {total:,} bytes)")
