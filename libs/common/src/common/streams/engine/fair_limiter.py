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
class Waiter:
    """Someone in the queue: whose work it is, and what to call when it may begin; it says whether it took the place."""

    tenant: str
    account: str
    begin: Callable[[], bool]
    background: bool = False


class FairLimiter:
    """A bounded number of places and fair queues for them. Whoever began must `give_back`."""

    def __init__(self, places: int) -> None:
        self._first = _FairQueue(places)
        self._background = _FairQueue(max(1, int(places * BACKGROUND_SHARE)))

    def acquire(self, ticket: Waiter) -> None:
        """Begin now if there is a place, else when one is free and it is this ticket's turn."""
        self._line(ticket).acquire(ticket)

    def cancel(self, ticket: Waiter) -> None:
        """Leave the queue."""
        self._line(ticket).cancel(ticket)

    def release(self, ticket: Waiter) -> None:
        """Free the place that this ticket took."""
        self._line(ticket).release()

    def _line(self, ticket: Waiter) -> "_FairQueue":
        return self._background if ticket.background else self._first


class _FairQueue:
    def __init__(self, places: int) -> None:
        self._free = places
        self._queue: dict[str, dict[str, deque[Waiter]]] = {}

    def acquire(self, ticket: Waiter) -> None:
        self._queue.setdefault(ticket.tenant, {}).setdefault(ticket.account, deque()).append(ticket)
        self._fill()

    def cancel(self, ticket: Waiter) -> None:
        lanes = self._queue.get(ticket.tenant, {})
        tickets = lanes.get(ticket.account, deque())
        if ticket in tickets:
            tickets.remove(ticket)
            self._tidy(ticket.tenant, ticket.account)

    def release(self) -> None:
        self._free += 1
        self._fill()

    def _fill(self) -> None:
        while self._free and self._queue:
            self._free -= self._next().begin()

    def _next(self) -> Waiter:
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
