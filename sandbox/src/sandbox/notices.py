"""What is to be told to an app's webhook, and when."""

from msgspec import Struct


class Notice(Struct, frozen=True, kw_only=True):
    """One thing to tell; `content` goes out as a string holding JSON."""

    due_at: float
    client_key: str
    event: str
    open_id: str
    publish_id: str = ""
    content: dict[str, object]


class Notices:
    """What waits for its moment."""

    def __init__(self) -> None:
        self._waiting: list[Notice] = []

    def plan(self, notice: Notice) -> None:
        """Tell this when its moment comes."""
        self._waiting.append(notice)

    def due(self, now: float) -> list[Notice]:
        """Take what may be told by now, earliest first."""
        due = sorted((each for each in self._waiting if each.due_at <= now), key=lambda each: each.due_at)
        self._waiting = [each for each in self._waiting if each.due_at > now]
        return due
