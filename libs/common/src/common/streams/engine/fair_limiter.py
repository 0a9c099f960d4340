"""Permits to run an effect, shared by all tasks of a process. Free ones go round-robin to tenants, then accounts.

Background effects have a few permits of their own, so that no other effect ever waits for one of them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BACKGROUND_SHARE: Final = 0.25
"""Permits for background effects, as a share of the others; at least one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiter:
    """One effect in the queue for a permit.

    `begin` is called when it gets the permit, and returns whether it uses it. An effect that is no longer wanted
    returns False: the permit goes to the next waiter.
    """

    tenant: str
    account: str
    begin: Callable[[], bool]
    background: bool = False


class FairLimiter:
    """Gives out a bounded number of permits. A waiter whose `begin` returned True must `release` its permit."""

    def __init__(self, permits: int) -> None:
        self._foreground = _FairQueue(permits)
        self._background = _FairQueue(max(1, int(permits * BACKGROUND_SHARE)))

    def acquire(self, waiter: Waiter) -> None:
        """Call `begin` now if a permit is free, else when one is and it is this waiter's turn."""
        self._queue_of(waiter).acquire(waiter)

    def cancel(self, waiter: Waiter) -> None:
        """Remove a waiter that has not begun."""
        self._queue_of(waiter).cancel(waiter)

    def release(self, waiter: Waiter) -> None:
        """Give back the permit that this waiter used."""
        self._queue_of(waiter).release()

    def _queue_of(self, waiter: Waiter) -> "_FairQueue":
        return self._background if waiter.background else self._foreground


class _FairQueue:
    """Waiters by tenant and account. A dict's order is the round: the one that had a turn goes to its end."""

    def __init__(self, permits: int) -> None:
        self._free = permits
        self._waiting: dict[str, dict[str, deque[Waiter]]] = {}

    def acquire(self, waiter: Waiter) -> None:
        self._waiting.setdefault(waiter.tenant, {}).setdefault(waiter.account, deque()).append(waiter)
        self._start_waiters()

    def cancel(self, waiter: Waiter) -> None:
        waiters = self._waiting.get(waiter.tenant, {}).get(waiter.account, deque())
        if waiter in waiters:
            waiters.remove(waiter)
            self._remove_if_empty(waiter.tenant, waiter.account)

    def release(self) -> None:
        self._free += 1
        self._start_waiters()

    def _start_waiters(self) -> None:
        while self._free and self._waiting:
            # A waiter that does not begin takes no permit: False counts as 0.
            self._free -= self._next().begin()

    def _next(self) -> Waiter:
        """Remove and return the first waiter of the next tenant's next account."""
        tenant = next(iter(self._waiting))
        # Removed and put back: both move to the end of their rounds.
        accounts = self._waiting.pop(tenant)
        self._waiting[tenant] = accounts
        account = next(iter(accounts))
        waiters = accounts.pop(account)
        accounts[account] = waiters
        waiter = waiters.popleft()
        self._remove_if_empty(tenant, account)
        return waiter

    def _remove_if_empty(self, tenant: str, account: str) -> None:
        accounts = self._waiting[tenant]
        if not accounts[account]:
            del accounts[account]
        if not accounts:
            del self._waiting[tenant]
