"""Deliveries to webhooks: body, signature, attempts, retries."""

import hashlib
import hmac
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct, structs

from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.settings import Webhooks
from tiktok_sandbox.runtime.table import Table
from tiktok_sandbox.runtime.timer_queue import TimerQueue

OK: Final = 200
MAX_DELIVERIES: Final = 10_000

OrderKey = tuple[str, str]


class DeliveryState(StrEnum):
    """How far a delivery is. `held_back` is sent after the next one, `lost` never."""

    WAITING = "waiting"
    HELD_BACK = "held_back"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    LOST = "lost"


class AttemptFaults(Struct, frozen=True, kw_only=True):
    """What a rule makes wrong about the next attempt.

    With `answer_lost` the receiver's answer is ignored.
    """

    wrong_signature: bool = False
    stale_by: float = 0.0
    answer_lost: bool = False
    held_by_rule: str = ""


class Attempt(Struct, frozen=True, kw_only=True):
    """One POST: the status answered, or in `error` why there was no answer."""

    at: float
    status: int = 0
    error: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """One body on its way to an app. `copies` is how many times it must still arrive."""

    client_key: str
    event: str
    open_id: str
    publish_id: str
    body: str
    created_at: float
    next_at: float | None
    state: DeliveryState = DeliveryState.WAITING
    copies: int = 1
    failures: int = 0
    faults: AttemptFaults = AttemptFaults()
    attempts: tuple[Attempt, ...] = ()

    @property
    def order_key(self) -> OrderKey:
        """Deliveries with the same key are sent one after the other.

        The key is one person of one app.
        """
        return self.client_key, self.open_id


def webhook_body(pending: PendingWebhook) -> str:
    """Return the body as TikTok sends it: `content` is JSON within a string."""
    body = {
        "client_key": pending.client_key,
        "event": pending.event,
        "create_time": int(pending.due_at),
        "user_openid": pending.open_id,
        "content": msgspec.json.encode(pending.content).decode(),
    }
    return msgspec.json.encode(body).decode()


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of the `TikTok-Signature` header."""
    # The timestamp is signed too, or an old request could be replayed with a new one.
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},s={signed.hexdigest()}"


def new_delivery(pending: PendingWebhook, now: float) -> Delivery:
    """Return the delivery of a webhook that is due."""
    return Delivery(
        client_key=pending.client_key,
        event=pending.event,
        open_id=pending.open_id,
        publish_id=pending.publish_id,
        body=webhook_body(pending),
        created_at=pending.due_at,
        next_at=now,
    )


def after_attempt(delivery: Delivery, attempt: Attempt, settings: Webhooks) -> Delivery:
    """Return the delivery after an attempt.

    It is delivered, due again at once (another copy), due after a pause, or dropped.
    """
    tried = structs.replace(delivery, attempts=(*delivery.attempts, attempt), faults=AttemptFaults())
    if attempt.status == OK and not delivery.faults.answer_lost:
        # A rule may ask for duplicates, and a test for another delivery: each success counts one copy.
        copies = max(delivery.copies - 1, 0)
        if copies:
            return structs.replace(tried, copies=copies, failures=0, next_at=attempt.at)
        return structs.replace(tried, copies=0, failures=0, next_at=None, state=DeliveryState.DELIVERED)
    # The pause doubles with each failure: 30 s, 60 s, 120 s, …
    next_at = attempt.at + settings.first_retry * 2**delivery.failures
    # Counted from the event: TikTok gives up after 72 hours, however few attempts there were.
    if next_at > delivery.created_at + settings.give_up:
        return dropped(tried)
    return structs.replace(tried, failures=delivery.failures + 1, next_at=next_at)


def dropped(delivery: Delivery) -> Delivery:
    """Return the delivery as given up: no further attempt."""
    return structs.replace(delivery, next_at=None, state=DeliveryState.DROPPED)


def resent(delivery: Delivery, now: float) -> Delivery:
    """Return the delivery as due now, in any state."""
    # One that waits must still arrive itself, so the new one is added to it.
    copies = delivery.copies + 1 if delivery.state is DeliveryState.WAITING else 1
    return structs.replace(
        delivery, state=DeliveryState.WAITING, copies=copies, failures=0, next_at=now, faults=AttemptFaults()
    )


class Deliveries:
    """Every delivery by number, oldest first.

    The oldest finished ones are removed beyond a limit.
    """

    def __init__(self, max_kept: int = MAX_DELIVERIES) -> None:
        self.rows: Table[str, Delivery] = Table()
        self._max_kept = max_kept
        self._timers = TimerQueue()
        self._held_back: dict[OrderKey, list[str]] = {}
        self._last = 0

    def add(self, delivery: Delivery) -> str:
        """Store a new delivery and return its number."""
        name = str(self._last + 1)
        self.put(name, delivery)
        if len(self.rows) > self._max_kept:
            # Only finished deliveries may go: a waiting one is still owed to its app.
            ended = (key for key, each in self.rows.items() if each.next_at is None)
            oldest = next(ended, None)
            if oldest is not None:
                del self.rows[oldest]
        return name

    def put(self, name: str, delivery: Delivery) -> None:
        """Store a delivery in its new state."""
        number = int(name)
        self._last = max(self._last, number)
        self.rows[name] = delivery
        if delivery.next_at is None:
            self._timers.remove(number)
        else:
            self._timers.schedule(number, delivery.next_at)
        # After a restart, put() is called for each saved row and builds this index again.
        if delivery.state is DeliveryState.HELD_BACK:
            self._held_back.setdefault(delivery.order_key, []).append(name)

    def release_held_back(self, order_key: OrderKey, now: float) -> None:
        """Make the held back deliveries of this person due: a later one has arrived."""
        for name in self._held_back.pop(order_key, ()):
            held = self.rows.get(name)
            if held is not None and held.state is DeliveryState.HELD_BACK:
                self.put(name, structs.replace(held, state=DeliveryState.WAITING, next_at=now))

    def pop_due(self, now: float) -> list[str]:
        """Return the numbers of the deliveries to send now, earliest first.

        They are not returned again until they are put back.
        """
        return [str(number) for number in self._timers.pop_due(now)]

    def next_due(self) -> float | None:
        """Return when the next delivery is due, or None."""
        return self._timers.next_due()


def describe(name: str, delivery: Delivery) -> dict[str, object]:
    """Return a delivery as the admin API shows it."""
    return {
        "id": name,
        "client_key": delivery.client_key,
        "event": delivery.event,
        "open_id": delivery.open_id,
        "publish_id": delivery.publish_id,
        "created_at": delivery.created_at,
        "state": delivery.state.value,
        "next_at": delivery.next_at,
        "body": delivery.body,
        "attempts": [structs.asdict(each) for each in delivery.attempts],
    }
