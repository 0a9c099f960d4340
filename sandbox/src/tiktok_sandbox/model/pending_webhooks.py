"""What is to be told to an app's webhook, and when."""

from msgspec import Struct

from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.runtime.timer_queue import TimerQueue


class PendingWebhook(Struct, frozen=True, kw_only=True):
    """One thing to tell; `content` goes out as a string holding JSON."""

    due_at: float
    client_key: str
    event: str
    open_id: str
    publish_id: str = ""
    content: dict[str, object]


class PendingWebhooks:
    """What waits for its moment, by number."""

    def __init__(self) -> None:
        self.rows: Table[str, PendingWebhook] = Table()
        self._timers = TimerQueue()
        self._last = 0

    def schedule(self, pending: PendingWebhook) -> None:
        """Tell this when its moment comes."""
        self.put(str(self._last + 1), pending)

    def put(self, name: str, pending: PendingWebhook) -> None:
        """A notice under the number it has."""
        number = int(name)
        self._last = max(self._last, number)
        self.rows[name] = pending
        self._timers.schedule(number, pending.due_at)

    def pop_due(self, now: float) -> list[PendingWebhook]:
        """Take what may be told by now, earliest first."""
        return [self.rows.pop(str(number)) for number in self._timers.pop_due(now)]

    def next_due(self) -> float | None:
        """When there is something to tell next."""
        return self._timers.next_due()
