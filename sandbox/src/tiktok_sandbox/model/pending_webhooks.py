"""The webhooks that wait until they are due."""

from msgspec import Struct

from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.runtime.timer_queue import TimerQueue


class PendingWebhook(Struct, frozen=True, kw_only=True):
    """One event to send. `content` is sent as a string that holds JSON."""

    due_at: float
    client_key: str
    event: str
    open_id: str
    publish_id: str = ""
    content: dict[str, object]


class PendingWebhooks:
    """Every waiting webhook by number."""

    def __init__(self) -> None:
        self.rows: Table[str, PendingWebhook] = Table()
        self._timers = TimerQueue()
        self._last = 0

    def schedule(self, pending: PendingWebhook) -> None:
        """Add a webhook, to be sent when it is due."""
        self.put(str(self._last + 1), pending)

    def put(self, name: str, pending: PendingWebhook) -> None:
        """Store a webhook under the number it has."""
        number = int(name)
        # put() also restores saved rows; new numbers must continue after them.
        self._last = max(self._last, number)
        self.rows[name] = pending
        self._timers.schedule(number, pending.due_at)

    def pop_due(self, now: float) -> list[PendingWebhook]:
        """Remove and return the webhooks that are due at `now`, earliest first."""
        return [self.rows.pop(str(number)) for number in self._timers.pop_due(now)]

    def next_due(self) -> float | None:
        """Return when the next webhook is due, or None."""
        return self._timers.next_due()
