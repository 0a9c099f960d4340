"""Tells apps what became true: one POST after the other for each person, again and again until it is heard."""

import asyncio
import ssl
from collections import deque
from collections.abc import Coroutine
from typing import Final

import httpx
from msgspec import structs

from tiktok_sandbox.app_context import Shell
from tiktok_sandbox.faults.actions import Action, Endpoint, Moment
from tiktok_sandbox.faults.rules import Struck
from tiktok_sandbox.model import webhook_deliveries
from tiktok_sandbox.model.pending_webhooks import Notice
from tiktok_sandbox.model.rule_subjects import subject_of_notice
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.model.tables import still_holds
from tiktok_sandbox.model.webhook_deliveries import Attempt, Delivery, Lane, State

CONNECTIONS: Final = 50
USUAL_STALENESS: Final = 600.0

_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "tiktok-sandbox-webhooks"}


class Webhooks:
    """Everything on its way to an app."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._lanes: dict[Lane, deque[str]] = {}
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at: float | None = None
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    def look(self) -> None:
        """Send what is due, and wake up for what comes next; cheap when there is nothing to do."""
        if self._closed:
            return
        world, now = self._shell.world, self._shell.clock.now()
        for notice in world.notices.due(now):
            self._accept(notice, now)
        for name in world.deliveries.due(now):
            self._start(name)
        moments = [each for each in (world.notices.next_at(), world.deliveries.next_at()) if each is not None]
        self._wake_up(min(moments, default=None))

    async def close(self) -> None:
        """Stop; what was not heard yet is sent after a restart."""
        self._closed = True
        tasks, self._tasks = self._tasks, set()
        if self._alarm is not None:
            tasks.add(self._alarm)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()

    def _wake_up(self, moment: float | None) -> None:
        if moment == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = moment
        self._alarm = None if moment is None else asyncio.create_task(self._sleep_until(moment))

    async def _sleep_until(self, moment: float) -> None:
        await self._shell.clock.wait_until(moment)
        self._alarm = self._alarm_at = None
        self.look()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, notice: Notice, now: float) -> None:
        """What is not true any more is told to nobody, and neither is an app without an address."""
        world = self._shell.world
        app = world.apps.get(notice.client_key)
        if app is None or not app.webhook_url or not still_holds(world, notice, now):
            return
        self._shell.changes += 1
        delivery = webhook_deliveries.delivery_of(notice, now)
        subject = subject_of_notice(world, notice)
        for struck in world.rules.strike(Endpoint.WEBHOOK, Moment.REQUEST, subject, now=now):
            delivery = _twisted(delivery, struck, now)
        world.deliveries.add(delivery)
        self._spawn(self._shell.holds.tell())

    def _start(self, name: str) -> None:
        if name in self._busy:
            return
        self._busy.add(name)
        held_by = self._shell.world.deliveries.rows[name].twist.held_by
        if self._holds(held_by):
            self._spawn(self._wait_and_queue(name, held_by))
        else:
            self._queue(name)

    def _holds(self, rule_id: str) -> bool:
        standing = self._shell.world.rules.get(rule_id)
        return standing is not None and not standing.ended

    async def _wait_and_queue(self, name: str, rule_id: str) -> None:
        await self._shell.holds.hold(rule_id)
        # Nobody is held any more when the stand-in stops, and yet nothing shall go out.
        if not self._holds(rule_id):
            self._queue(name)

    def _queue(self, name: str) -> None:
        lane = self._shell.world.deliveries.rows[name].lane
        if lane in self._lanes:
            self._lanes[lane].append(name)
        else:
            self._lanes[lane] = deque([name])
            self._spawn(self._work_off(lane))

    async def _work_off(self, lane: Lane) -> None:
        waiting = self._lanes[lane]
        while waiting:
            await self._try(waiting.popleft())
        del self._lanes[lane]

    async def _try(self, name: str) -> None:
        shell, known = self._shell, self._shell.world.deliveries
        delivery = known.rows[name]
        app = shell.world.apps.get(delivery.client_key)
        if app is None or not app.webhook_url:
            known.put(name, webhook_deliveries.dropped(delivery))
        else:
            attempt = await self._post(app, delivery)
            # Somebody may have wanted it once more meanwhile.
            tried = structs.replace(known.rows[name], twist=delivery.twist)
            known.put(name, webhook_deliveries.attempted(tried, attempt, shell.world.settings.webhooks))
            if attempt.status == webhook_deliveries.OK:
                known.let_go(delivery.lane, shell.clock.now())
        self._busy.discard(name)
        shell.changes += 1
        self.look()
        await shell.holds.tell()

    async def _post(self, app: App, delivery: Delivery) -> Attempt:
        settings, now = self._shell.world.settings.webhooks, self._shell.clock.now()
        content = delivery.body.encode()
        signed_at = now if settings.renew_signature or not delivery.attempts else delivery.attempts[0].at
        secret = f"not {app.client_secret}" if delivery.twist.wrong_signature else app.client_secret
        signed = webhook_deliveries.signature(secret, int(signed_at - delivery.twist.stale_by), content)
        headers = {**_HEADERS, "TikTok-Signature": signed}
        try:
            async with asyncio.timeout(settings.answer_seconds):
                answer = await self._open().post(app.webhook_url, content=content, headers=headers)
        except TimeoutError:
            return Attempt(at=now, trouble="no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            return Attempt(at=now, trouble=type(trouble).__name__)
        return Attempt(at=now, status=answer.status_code)

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:
            self._http = httpx.AsyncClient(
                verify=ssl.create_default_context(),
                timeout=None,  # noqa: S113 -- each attempt as a whole has one
                # A connection the receiver closes meanwhile would look like no answer.
                limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0),
                follow_redirects=False,
                trust_env=False,
            )
        return self._http


def _twisted(delivery: Delivery, struck: Struck, now: float) -> Delivery:
    rule, twist = struck.rule, delivery.twist
    match rule.action:
        case Action.LOSE:
            return structs.replace(delivery, state=State.LOST, next_at=None, copies=0)
        case Action.REORDER:
            return structs.replace(delivery, state=State.HELD_BACK, next_at=None)
        case Action.DELAY:
            return structs.replace(delivery, next_at=now + rule.seconds)
        case Action.DUPLICATE:
            return structs.replace(delivery, copies=delivery.copies + 1)
        case Action.HOLD:
            twist = structs.replace(twist, held_by=struck.rule_id)
        case Action.LOSE_ANSWER:
            twist = structs.replace(twist, unheard=True)
        case Action.WRONG_SIGNATURE:
            twist = structs.replace(twist, wrong_signature=True)
        case Action.STALE:
            twist = structs.replace(twist, stale_by=rule.seconds or USUAL_STALENESS)
        case _:
            # Nothing else can happen to a webhook; the rules see to it.
            return delivery
    return structs.replace(delivery, twist=twist)
