"""What is to be told to an app's webhook, and when."""

from msgspec import Struct

from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.runtime.timer_queue import Agenda


class Notice(Struct, frozen=True, kw_only=True):
    """One thing to tell; `content` goes out as a string holding JSON."""

    due_at: float
    client_key: str
    event: str
    open_id: str
    publish_id: str = ""
    content: dict[str, object]


class Notices:
    """What waits for its moment, by number."""

    def __init__(self) -> None:
        self.rows: Table[str, Notice] = Table()
        self._agenda = Agenda()
        self._last = 0

    def plan(self, notice: Notice) -> None:
        """Tell this when its moment comes."""
        self.put(str(self._last + 1), notice)

    def put(self, name: str, notice: Notice) -> None:
        """A notice under the number it has."""
        number = int(name)
        self._last = max(self._last, number)
        self.rows[name] = notice
        self._agenda.put(number, notice.due_at)

    def due(self, now: float) -> list[Notice]:
        """Take what may be told by now, earliest first."""
        return [self.rows.pop(str(number)) for number in self._agenda.take(now)]

    def next_at(self) -> float | None:
        """When there is something to tell next."""
        return self._agenda.first()
