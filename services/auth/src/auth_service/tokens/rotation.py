"""Tracks which state records are not sealed under the newest key, and which to request next (no I/O)."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from auth_service import states
from auth_service.tenants import states as tenant_states
from auth_service.tokens.sealed_items import SealedItem, sealed_item_of, sealed_text
from common.security.sealing import key_id_of
from common.streams import StateKey

MAX_REQUESTED = 200
"""The most records requested and not resealed yet. Commands of people wait behind them."""

RETRY_AFTER_SECONDS = 10.0
"""A command without effect for this long was lost, or came too late for the record it was about."""

STALLED_SECONDS = 60.0
"""Without a record less for this long, something is wrong with the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requested:
    """A record that a command was written for, at that time."""

    item: SealedItem
    at: float


class RotationProgress:
    """The records that are left to reseal.

    It is given every state record in order. Times are seconds on one monotonic clock.
    """

    def __init__(self, newest: str) -> None:
        """Take the id of the key that everything is to be under."""
        self.newest = newest
        self.done = 0
        self.unreadable: dict[StateKey, SealedItem] = {}
        self.sealed_under_other_keys: Counter[str] = Counter()
        self._waiting: dict[StateKey, SealedItem] = {}
        self._requested: dict[StateKey, Requested] = {}
        self._following = False
        self._fewest = 0
        self._progressed_at = 0.0

    @property
    def left(self) -> int:
        """The number of records under another key that may still be resealed."""
        return len(self._waiting) + len(self._requested)

    @property
    def total(self) -> int:
        """The number of records that had or have to be resealed."""
        return self.done + self.left + len(self.unreadable)

    @property
    def settled(self) -> bool:
        """Whether all records are under the newest key, and no worker was seen to seal under another."""
        return not (self.left or self.unreadable or self.sealed_under_other_keys)

    def follow(self, now: float) -> None:
        """What was there is known; what comes from now on is news."""
        self._following = True
        self._fewest = self.left
        self._progressed_at = now

    def take(self, key: StateKey, state: states.Account | tenant_states.TenantRecord | None) -> None:
        """Take in a state as it was written; None: it is forgotten."""
        item = sealed_item_of(state)
        if item is not None and key_id_of(sealed_text(item)) != self.newest:
            self._add(key, item, by_a_worker=isinstance(state, states.Connected))
            return
        if key in self._requested and item is not None:
            self.done += 1
        self._drop(key)

    def next(self, now: float) -> list[tuple[StateKey, SealedItem]]:
        """Choose what to ask for now, and count it as asked for; what was asked in vain comes last."""
        self._requeue_stale(now)
        room = MAX_REQUESTED - len(self._requested)
        chosen = list(islice(self._waiting.items(), max(room, 0)))
        for key, item in chosen:
            del self._waiting[key]
            self._requested[key] = Requested(item=item, at=now)
        return chosen

    def mark_unreadable(self, key: StateKey) -> None:
        """A record that was asked for cannot be opened."""
        self.unreadable[key] = self._requested.pop(key).item

    def stalled(self, now: float) -> bool:
        """Whether there has not been a record less for a minute. To be asked often."""
        if self.left < self._fewest:
            self._fewest, self._progressed_at = self.left, now
        return self.left > 0 and now - self._progressed_at >= STALLED_SECONDS

    def _add(self, key: StateKey, item: SealedItem, *, by_a_worker: bool) -> None:
        """Count an item that is still sealed under another key."""
        known = self._known(key)
        if known is not None and sealed_text(known) == sealed_text(item):
            return  # the state changed around it
        if self._following and by_a_worker:
            # Only a worker's own key seals what an account is connected with.
            self.sealed_under_other_keys[key_id_of(sealed_text(item))] += 1
        self._drop(key)
        self._waiting[key] = item

    def _known(self, key: StateKey) -> SealedItem | None:
        asked = self._requested.get(key)
        return asked.item if asked else self._waiting.get(key) or self.unreadable.get(key)

    def _drop(self, key: StateKey) -> None:
        """Stop counting an item."""
        self._waiting.pop(key, None)
        self._requested.pop(key, None)
        self.unreadable.pop(key, None)

    def _requeue_stale(self, now: float) -> None:
        """The oldest come first: they were added in the order of their times."""
        while self._requested:
            key, asked = next(iter(self._requested.items()))
            if now - asked.at < RETRY_AFTER_SECONDS:
                return
            del self._requested[key]
            self._waiting[key] = asked.item


def progress_line(progress: RotationProgress) -> str:
    """Return the progress as a line for the operator."""
    return f"resealed {progress.done} of {progress.total} records under key {progress.newest}"


def summary(progress: RotationProgress, *, stopped: bool, trouble: str = "") -> list[str]:
    """Return lines for the operator: how the run ended, and what to do.

    `trouble` is the reason if the last command was not confirmed.
    """
    if progress.settled:
        return [f"no record is sealed under another key than {progress.newest}"]
    words = []
    if progress.unreadable:
        words.append(f"{len(progress.unreadable)} records cannot be opened with the keys in AUTH_VAULT_KEYS")
    if progress.sealed_under_other_keys:
        found = ", ".join(f"{count} under `{key_id}`" for key_id, count in progress.sealed_under_other_keys.items())
        words.append(
            f"workers sealed records meanwhile, {found}: put `{progress.newest}` in front in AUTH_VAULT_KEYS of every "
            "edge and worker, and run this again"
        )
    if progress.left and stopped:
        words.append(f"stopped, {progress.left} records are left; run this again")
    elif progress.left:
        words.append(
            f"nothing has moved for {STALLED_SECONDS:.0f} s, {progress.left} records are left: either auth's workers "
            f"do not run, or key `{progress.newest}` is missing from their AUTH_VAULT_KEYS, or is another key there"
        )
        words += [f"the last command was not confirmed: {trouble}"] if trouble else []
    return words
