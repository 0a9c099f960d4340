"""A display that keeps what it was shown."""

from rich.console import RenderableType

from stack.demo.display import Style


class RecordingDisplay:
    """Keeps lines, and the bytes of each bar update."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.bars: list[int] = []

    def line(self, text: str, style: Style = Style.NOTE) -> None:
        self.lines.append(text)

    def show(self, what: RenderableType) -> None:
        raise AssertionError

    def bar(self, label: str, done: int, total: int) -> None:
        self.bars.append(done)
