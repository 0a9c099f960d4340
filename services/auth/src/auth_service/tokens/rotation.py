"""Which state records are sealed under another key than the newest, and which of them to ask for next (no I/O)."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from auth_service import states
from auth_service.tenants import states as tenant_states
from auth_service.tokens.sealed_items import Held, held_in, text_of
from common.security.sealing import key_id_of
from common.streams import StateKey

ASKED_AT_ONCE = 200
"""Records that are asked for and not sealed anew yet, at the most: people's commands wait behind them."""

ASK_AGAIN_SECONDS = 10.0
"""A command without effect for this long was lost, or came too late for the record it was about."""

STALLED_SECONDS = 60.0
"""Without a record less for this long, something is wrong with the workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A record that a command was written for, at that time."""

    held: Held
    at: float


class Backlog:
    """What is left to seal anew. It is fed every state record in order; times are seconds on one monotonic clock."""

    def __init__(self, newest: str) -> None:
        """Take the id of the key that everything is to be under."""
        self.newest = newest
        self.done = 0
        self.unopenable: dict[StateKey, Held] = {}
        self.sealed_meanwhile: Counter[str] = Counter()
        self._waiting: dict[StateKey, Held] = {}
        self._asked: dict[StateKey, Asked] = {}
        self._following = False
        self._fewest = 0
        self._got_on_at = 0.0

    @property
    def left(self) -> int:
        """Records that are under another key and may still be sealed anew."""
        return len(self._waiting) + len(self._asked)

    @property
    def total(self) -> int:
        """All records that are, or were, to be sealed anew."""
        return self.done + self.left + len(self.unopenable)

    @property
    def settled(self) -> bool:
        """Whether all is under the newest key, and nobody was seen to seal under another."""
        return not (self.left or self.unopenable or self.sealed_meanwhile)

    def follow(self, now: float) -> None:
        """What was there is known; what comes from now on is news."""
        self._following = True
        self._fewest = self.left
        self._got_on_at = now

    def take(self, key: StateKey, state: states.Account | tenant_states.Customer | None) -> None:
        """Take in a state as it was written; None: it is forgotten."""
        held = held_in(state)
        if held is not None and key_id_of(text_of(held)) != self.newest:
            self._keep(key, held, by_a_worker=isinstance(state, states.Connected))
            return
        if key in self._asked and held is not None:
            self.done += 1
        self._drop(key)

    def next(self, now: float) -> list[tuple[StateKey, Held]]:
        """Choose what to ask for now, and count it as asked for; what was asked in vain comes last."""
        self._put_back(now)
        room = ASKED_AT_ONCE - len(self._asked)
        chosen = list(islice(self._waiting.items(), max(room, 0)))
        for key, held in chosen:
            del self._waiting[key]
            self._asked[key] = Asked(held=held, at=now)
        return chosen

    def give_up(self, key: StateKey) -> None:
        """A record that was asked for cannot be opened."""
        self.unopenable[key] = self._asked.pop(key).held

    def stalled(self, now: float) -> bool:
        """Whether there has not been a record less for a minute. To be asked often."""
        if self.left < self._fewest:
            self._fewest, self._got_on_at = self.left, now
        return self.left > 0 and now - self._got_on_at >= STALLED_SECONDS

    def _keep(self, key: StateKey, held: Held, *, by_a_worker: bool) -> None:
        known = self._known(key)
        if known is not None and text_of(known) == text_of(held):
            return  # the state changed around it
        if self._following and by_a_worker:
            # Only a worker's own key seals what an account is connected with.
            self.sealed_meanwhile[key_id_of(text_of(held))] += 1
        self._drop(key)
        self._waiting[key] = held

    def _known(self, key: StateKey) -> Held | None:
        asked = self._asked.get(key)
        return asked.held if asked else self._waiting.get(key) or self.unopenable.get(key)

    def _drop(self, key: StateKey) -> None:
        self._waiting.pop(key, None)
        self._asked.pop(key, None)
        self.unopenable.pop(key, None)

    def _put_back(self, now: float) -> None:
        """The oldest come first: they were added in the order of their times."""
        while self._asked:
            key, asked = next(iter(self._asked.items()))
            if now - asked.at < ASK_AGAIN_SECONDS:
                return
            del self._asked[key]
            self._waiting[key] = asked.held


def progress(backlog: Backlog) -> str:
    """Say how far it is."""
    return f"resealed {backlog.done} of {backlog.total} records under key {backlog.newest}"


def last_words(backlog: Backlog, *, stopped: bool, trouble: str = "") -> list[str]:
    """Say how it ended, and what to do. `trouble` is why the last command was not confirmed, if one was not."""
    if backlog.settled:
        return [f"no record is sealed under another key than {backlog.newest}"]
    words = []
    if backlog.unopenable:
        words.append(f"{len(backlog.unopenable)} records cannot be opened with the keys in AUTH_VAULT_KEYS")
    if backlog.sealed_meanwhile:
        found = ", ".join(f"{count} under `{key_id}`" for key_id, count in backlog.sealed_meanwhile.items())
        words.append(
            f"workers sealed records meanwhile, {found}: put `{backlog.newest}` in front in AUTH_VAULT_KEYS of every "
            "edge and worker, and run this again"
        )
    if backlog.left and stopped:
        words.append(f"stopped, {backlog.left} records are left; run this again")
    elif backlog.left:
        words.append(
            f"nothing has moved for {STALLED_SECONDS:.0f} s, {backlog.left} records are left: either auth's workers do "
            f"not run, or key `{backlog.newest}` is missing from their AUTH_VAULT_KEYS, or is another key there"
        )
        words += [f"the last command was not confirmed: {trouble}"] if trouble else []
    return words
