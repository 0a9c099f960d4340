"""What goes out to webhooks: the body, its signature, and when it is tried again."""

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
    """How far a delivery is. `held_back` goes out after the next one, `lost` never."""

    WAITING = "waiting"
    HELD_BACK = "held_back"
    DELIVERED = "delivered"
    DROPPED = "dropped"
    LOST = "lost"


class AttemptFaults(Struct, frozen=True, kw_only=True):
    """What a rule makes wrong about the next attempt; `answer_lost` is an answer that gets lost."""

    wrong_signature: bool = False
    stale_by: float = 0.0
    answer_lost: bool = False
    held_by_rule: str = ""


class Attempt(Struct, frozen=True, kw_only=True):
    """One POST: what was answered, or in `trouble` why nothing was."""

    at: float
    status: int = 0
    error: str = ""


class Delivery(Struct, frozen=True, kw_only=True):
    """One body on its way to an app; `copies` is how often it must still start_processing."""

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
        """What is told of one person goes out one by one."""
        return self.client_key, self.open_id


def webhook_body(pending: PendingWebhook) -> str:
    """The body as TikTok sends it: the content is JSON in a string."""
    told = {
        "client_key": pending.client_key,
        "event": pending.event,
        "create_time": int(pending.due_at),
        "user_openid": pending.open_id,
        "content": msgspec.json.encode(pending.content).decode(),
    }
    return msgspec.json.encode(told).decode()


def signature(secret: str, moment: int, body: bytes) -> str:
    """The value of `TikTok-Signature`."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},s={signed.hexdigest()}"


def new_delivery(pending: PendingWebhook, now: float) -> Delivery:
    """A notice whose moment has come."""
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
    """After an attempt: done, once more at once, later again, or never again."""
    tried = structs.replace(delivery, attempts=(*delivery.attempts, attempt), faults=AttemptFaults())
    if attempt.status == OK and not delivery.faults.answer_lost:
        copies = max(delivery.copies - 1, 0)
        if copies:
            return structs.replace(tried, copies=copies, failures=0, next_at=attempt.at)
        return structs.replace(tried, copies=0, failures=0, next_at=None, state=DeliveryState.DELIVERED)
    next_at = attempt.at + settings.first_retry * 2**delivery.failures
    if next_at > delivery.created_at + settings.give_up:
        return dropped(tried)
    return structs.replace(tried, failures=delivery.failures + 1, next_at=next_at)


def dropped(delivery: Delivery) -> Delivery:
    """Nobody will hear of it any more."""
    return structs.replace(delivery, next_at=None, state=DeliveryState.DROPPED)


def resent(delivery: Delivery, now: float) -> Delivery:
    """Somebody wants it sent now, whatever became of it."""
    copies = delivery.copies + 1 if delivery.state is DeliveryState.WAITING else 1
    return structs.replace(
        delivery, state=DeliveryState.WAITING, copies=copies, failures=0, next_at=now, faults=AttemptFaults()
    )


class Deliveries:
    """Every delivery by number, oldest first; the oldest that have ended are forgotten beyond so many."""

    def __init__(self, max_kept: int = MAX_DELIVERIES) -> None:
        self.rows: Table[str, Delivery] = Table()
        self._max_kept = max_kept
        self._timers = TimerQueue()
        self._held_back: dict[OrderKey, list[str]] = {}
        self._last = 0

    def add(self, delivery: Delivery) -> str:
        """A new delivery; its number."""
        name = str(self._last + 1)
        self.put(name, delivery)
        if len(self.rows) > self._max_kept:
            ended = (key for key, each in self.rows.items() if each.next_at is None)
            oldest = next(ended, None)
            if oldest is not None:
                del self.rows[oldest]
        return name

    def put(self, name: str, delivery: Delivery) -> None:
        """A delivery as it is from now on."""
        number = int(name)
        self._last = max(self._last, number)
        self.rows[name] = delivery
        if delivery.next_at is None:
            self._timers.remove(number)
        else:
            self._timers.schedule(number, delivery.next_at)
        if delivery.state is DeliveryState.HELD_BACK:
            self._held_back.setdefault(delivery.order_key, []).append(name)

    def release_held_back(self, order_key: OrderKey, now: float) -> None:
        """One of this lane arrived: what was held back follows."""
        for name in self._held_back.pop(order_key, ()):
            held = self.rows.get(name)
            if held is not None and held.state is DeliveryState.HELD_BACK:
                self.put(name, structs.replace(held, state=DeliveryState.WAITING, next_at=now))

    def pop_due(self, now: float) -> list[str]:
        """Take what is to go out by now, earliest first."""
        return [str(number) for number in self._timers.pop_due(now)]

    def next_due(self) -> float | None:
        """When something goes out next."""
        return self._timers.next_due()


def describe(name: str, delivery: Delivery) -> dict[str, object]:
    """A delivery as the admin API shows it."""
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
