"""Sends webhooks, in order for each person, until they are answered."""

import asyncio
import ssl
from collections import deque
from collections.abc import Coroutine
from typing import Final

import httpx
from msgspec import structs

from tiktok_sandbox.app_context import AppContext
from tiktok_sandbox.faults.actions import Action, CallPhase, Endpoint
from tiktok_sandbox.faults.rules import MatchedRule
from tiktok_sandbox.model import webhook_deliveries
from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.rule_subjects import subject_of_webhook
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import is_still_true
from tiktok_sandbox.model.webhook_deliveries import Attempt, Delivery, DeliveryState, OrderKey

CONNECTIONS: Final = 50
DEFAULT_STALE_SECONDS: Final = 600.0

_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "tiktok-sandbox-webhooks"}


class WebhookSender:
    """Everything on its way to an app."""

    def __init__(self, context: AppContext) -> None:
        self._context = context
        self._queues: dict[OrderKey, deque[str]] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due: float | None = None
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    def send_due(self) -> None:
        """Send what is due, and set the timer for what comes next.

        Cheap if there is nothing to do.
        """
        # Callbacks of tasks that end during close() must not start new ones.
        if self._closed:
            return
        tables, now = self._context.tables, self._context.clock.now()
        for pending in tables.pending_webhooks.pop_due(now):
            self._create_delivery(pending, now)
        for name in tables.deliveries.pop_due(now):
            self._start(name)
        due_times = [
            each for each in (tables.pending_webhooks.next_due(), tables.deliveries.next_due()) if each is not None
        ]
        self._set_timer(min(due_times, default=None))

    async def close(self) -> None:
        """Stop. What was not delivered is sent after a restart."""
        self._closed = True
        tasks, self._tasks = self._tasks, set()
        if self._timer is not None:
            tasks.add(self._timer)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    def _set_timer(self, due_at: float | None) -> None:
        """Wake up at `due_at`, instead of at any earlier set time."""
        # Most changes do not touch the next webhook; its timer stays.
        if due_at == self._timer_due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due_at
        self._timer = None if due_at is None else asyncio.create_task(self._sleep_until(due_at))

    async def _sleep_until(self, due_at: float) -> None:
        await self._context.clock.wait_until(due_at)
        self._timer = self._timer_due = None
        self.send_due()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _create_delivery(self, pending: PendingWebhook, now: float) -> None:
        """Turn a due webhook into a delivery.

        A webhook that is no longer true is dropped, and so is one for an app without a URL.
        """
        tables = self._context.tables
        app = tables.apps.get(pending.client_key)
        if app is None or not app.webhook_url or not is_still_true(tables, pending, now):
            return
        self._context.change_count += 1
        delivery = webhook_deliveries.new_delivery(pending, now)
        subject = subject_of_webhook(tables, pending)
        for matched in tables.rules.match(Endpoint.WEBHOOK, CallPhase.REQUEST, subject, now=now):
            delivery = _with_fault(delivery, matched, now)
        tables.deliveries.add(delivery)
        self._spawn(self._context.breakpoints.notify())

    def _start(self, name: str) -> None:
        """Queue a delivery, or first wait for the rule that holds it."""
        # It is queued already, and put back as due by a resend or a restart.
        if name in self._busy:
            return
        self._busy.add(name)
        held_by_rule = self._context.tables.deliveries.rows[name].faults.held_by_rule
        if self._is_held_by(held_by_rule):
            self._spawn(self._queue_after_release(name, held_by_rule))
        else:
            self._queue(name)

    def _is_held_by(self, rule_id: str) -> bool:
        rule_state = self._context.tables.rules.get(rule_id)
        return rule_state is not None and not rule_state.ended

    async def _queue_after_release(self, name: str, rule_id: str) -> None:
        await self._context.breakpoints.hold(rule_id)
        # Stopping the sandbox also releases breakpoints. Then nothing may be sent.
        if not self._is_held_by(rule_id):
            self._queue(name)

    def _queue(self, name: str) -> None:
        """Append a delivery to its person's queue, and start to send if it was empty."""
        order_key = self._context.tables.deliveries.rows[name].order_key
        # One task for each person keeps the order; different persons do not wait for each other.
        if order_key in self._queues:
            self._queues[order_key].append(name)
        else:
            self._queues[order_key] = deque([name])
            self._spawn(self._send_in_order(order_key))

    async def _send_in_order(self, order_key: OrderKey) -> None:
        waiting = self._queues[order_key]
        while waiting:
            await self._send(waiting.popleft())
        del self._queues[order_key]

    async def _send(self, name: str) -> None:
        """Make one attempt and store its result."""
        context, deliveries = self._context, self._context.tables.deliveries
        delivery = deliveries.rows[name]
        app = context.tables.apps.get(delivery.client_key)
        if app is None or not app.webhook_url:
            deliveries.put(name, webhook_deliveries.dropped(delivery))
        else:
            attempt = await self._post(app, delivery)
            # The row may have changed during the call: a test may have asked to send it again.
            tried = structs.replace(deliveries.rows[name], faults=delivery.faults)
            deliveries.put(name, webhook_deliveries.after_attempt(tried, attempt, context.tables.settings.webhooks))
            if attempt.status == webhook_deliveries.OK:
                deliveries.release_held_back(delivery.order_key, context.clock.now())
        self._busy.discard(name)
        context.change_count += 1
        self.send_due()
        await context.breakpoints.notify()

    async def _post(self, app: App, delivery: Delivery) -> Attempt:
        """Sign and send the body; return the attempt."""
        settings, now = self._context.tables.settings.webhooks, self._context.clock.now()
        content = delivery.body.encode()
        signed_at = now if settings.renew_signature or not delivery.attempts else delivery.attempts[0].at
        # A wrong secret and not a random string: the signature must look right.
        secret = f"not {app.client_secret}" if delivery.faults.wrong_signature else app.client_secret
        signed = webhook_deliveries.signature(secret, int(signed_at - delivery.faults.stale_by), content)
        headers = {**_HEADERS, "TikTok-Signature": signed}
        try:
            async with asyncio.timeout(settings.answer_seconds):
                answer = await self._client().post(app.webhook_url, content=content, headers=headers)
        except TimeoutError:
            return Attempt(at=now, error="timeout")
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            return Attempt(at=now, error=type(trouble).__name__)
        return Attempt(at=now, status=answer.status_code)

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=ssl.create_default_context(),
                timeout=None,  # noqa: S113 -- asyncio.timeout limits each attempt
                # No connections are kept: one that the receiver closes at the wrong time would look like a failed
                # attempt.
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


def _with_fault(delivery: Delivery, matched: MatchedRule, now: float) -> Delivery:
    """Return the delivery with a rule's fault applied."""
    rule, faults = matched.rule, delivery.faults
    match rule.action:
        case Action.LOSE:
            return structs.replace(delivery, state=DeliveryState.LOST, next_at=None, copies=0)
        case Action.REORDER:
            return structs.replace(delivery, state=DeliveryState.HELD_BACK, next_at=None)
        case Action.DELAY:
            return structs.replace(delivery, next_at=now + rule.seconds)
        case Action.DUPLICATE:
            return structs.replace(delivery, copies=delivery.copies + 1)
        case Action.HOLD:
            faults = structs.replace(faults, held_by_rule=matched.rule_id)
        case Action.LOSE_ANSWER:
            faults = structs.replace(faults, answer_lost=True)
        case Action.WRONG_SIGNATURE:
            faults = structs.replace(faults, wrong_signature=True)
        case Action.STALE:
            faults = structs.replace(faults, stale_by=rule.seconds or DEFAULT_STALE_SECONDS)
        case _:
            # Rule.__post_init__ admits no other action for webhooks.
            return delivery
    return structs.replace(delivery, faults=faults)
