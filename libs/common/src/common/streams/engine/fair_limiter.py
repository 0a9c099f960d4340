"""Places for running effects, shared by all tasks of a process: free ones go round tenants, then accounts.

Work in the background has a few places of its own, so that nothing else ever waits for it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BACKGROUND_SHARE: Final = 0.25
"""Places for the background, as a share of the others; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ticket:
    """Someone in the queue: whose work it is, and what to call when it may begin; it says whether it took the place."""

    tenant: str
    lane: str
    begin: Callable[[], bool]
    background: bool = False


class Slots:
    """A bounded number of places and fair queues for them. Whoever began must `give_back`."""

    def __init__(self, places: int) -> None:
        self._first = _Line(places)
        self._background = _Line(max(1, int(places * BACKGROUND_SHARE)))

    def ask(self, ticket: Ticket) -> None:
        """Begin now if there is a place, else when one is free and it is this ticket's turn."""
        self._line(ticket).ask(ticket)

    def withdraw(self, ticket: Ticket) -> None:
        """Leave the queue."""
        self._line(ticket).withdraw(ticket)

    def give_back(self, ticket: Ticket) -> None:
        """Free the place that this ticket took."""
        self._line(ticket).give_back()

    def _line(self, ticket: Ticket) -> "_Line":
        return self._background if ticket.background else self._first


class _Line:
    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: dict[str, dict[str, deque[Ticket]]] = {}

    def ask(self, ticket: Ticket) -> None:
        self._queue.setdefault(ticket.tenant, {}).setdefault(ticket.lane, deque()).append(ticket)
        self._fill()

    def withdraw(self, ticket: Ticket) -> None:
        lanes = self._queue.get(ticket.tenant, {})
        tickets = lanes.get(ticket.lane, deque())
        if ticket in tickets:
            tickets.remove(ticket)
            self._tidy(ticket.tenant, ticket.lane)

    def give_back(self) -> None:
        self._free += 1
        self._fill()

    def _fill(self) -> None:
        while self._free and self._queue:
            self._free -= self._next().begin()

    def _next(self) -> Ticket:
        """Take the first ticket of the tenant and account whose turn it is; both go to the end of their rounds."""
        tenant = next(iter(self._queue))
        lanes = self._queue.pop(tenant)
        self._queue[tenant] = lanes
        lane = next(iter(lanes))
        tickets = lanes.pop(lane)
        lanes[lane] = tickets
        ticket = tickets.popleft()
        self._tidy(tenant, lane)
        return ticket

    def _tidy(self, tenant: str, lane: str) -> None:
        lanes = self._queue[tenant]
        if not lanes[lane]:
            del lanes[lane]
        if not lanes:
            del self._queue[tenant]
