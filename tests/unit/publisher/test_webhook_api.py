"""TikTok's webhook: what it accepts, what it writes, and which problems it answers."""

import hashlib
import hmac
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Message

from common.contract.account import account_id_of
from common.contract.tiktok import TikTokNotified
from common.errors import NotDurable
from common.http.app import LARGEST_BODY_BYTES, create_app
from common.http.problems import PROBLEM_MEDIA_TYPE
from common.service import tracing
from publisher_service.webhook_api import TikTokApp, webhook_routes

PATH = "/v1/webhooks/tiktok"
SECRET = "planted-secret-of-the-app"
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
REMOVED: dict[str, Any] = {
    "client_key": "aw1",
    "event": "authorization.removed",
    "create_time": int(NOW.timestamp()) - 7,
    "user_openid": "-000Abc",
    "content": '{"reason":1}',
}


@dataclass
class Notifications:
    """Keeps what is written, unless Kafka is down."""

    down: bool = False
    written: list[tuple[TikTokNotified, str]] = field(default_factory=list)

    async def write(self, notified: TikTokNotified, traceparent: str) -> None:
        if self.down:
            raise NotDurable(about=notified.account_id)
        self.written.append((notified, traceparent))


@dataclass
class Hook:
    """The webhook over its fakes."""

    notifications: Notifications
    edge: ASGIApp
    http: httpx.AsyncClient

    async def send(self, envelope: object, *, age: float = 0, secret: str = SECRET) -> httpx.Response:
        """Sign and send a body as TikTok does."""
        body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        moment = str(int(NOW.timestamp() - age))
        signature = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return await self.http.post(PATH, content=body, headers={"TikTok-Signature": f"t={moment},s={signature}"})


async def hook_of(app: TikTokApp | None) -> AsyncIterator[Hook]:
    notifications = Notifications()
    edge = create_app(service="publisher", ready=dict)
    edge.include_router(
        webhook_routes(
            app=app,
            notifications=notifications,
            tolerance=timedelta(seconds=60),
            clock=lambda: NOW,
            random_bytes=os.urandom,
        )
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://edge") as http:
        yield Hook(notifications, edge, http)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    async for hook in hook_of(TikTokApp(client_key="aw1", client_secret=SECRET)):
        yield hook


@pytest.fixture
async def off() -> AsyncIterator[Hook]:
    async for hook in hook_of(None):
        yield hook


def counted(event: str, result: str) -> float:
    return REGISTRY.get_sample_value("publisher_webhooks_total", {"event": event, "result": result}) or 0


def is_problem(response: httpx.Response, status: int, code: str) -> str:
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert SECRET not in response.text
    return str(problem["detail"])


async def test_signed_notification_is_written(hook: Hook) -> None:
    before = counted("authorization.removed", "written")
    answer = await hook.send(REMOVED)

    assert (answer.status_code, answer.json()) == (200, {})
    ((notified, traceparent),) = hook.notifications.written
    assert notified == TikTokNotified(
        account_id=account_id_of("aw1", "-000Abc"),
        client_key="aw1",
        open_id="-000Abc",
        event="authorization.removed",
        content={"reason": 1},
        occurred_at=NOW - timedelta(seconds=7),
        received_at=NOW,
    )
    assert tracing.parse(traceparent) is not None
    assert counted("authorization.removed", "written") == before + 1


async def test_repeated_notification_is_written_twice(hook: Hook) -> None:
    for _ in range(2):
        assert (await hook.send(REMOVED)).status_code == 200
    first, second = hook.notifications.written
    assert first[0] == second[0]


async def test_undocumented_event_is_written_and_counted_as_other(hook: Hook) -> None:
    before = counted("other", "written")
    assert (await hook.send(REMOVED | {"event": "of.tomorrow", "content": '{"of_id": 7}'})).status_code == 200
    ((notified, _),) = hook.notifications.written
    assert (notified.event, notified.content) == ("of.tomorrow", {"of_id": "7"})
    assert counted("other", "written") == before + 1


async def test_notification_without_user_is_answered_not_written(hook: Hook) -> None:
    before = counted("other", "no_person")
    without_user = {name: value for name, value in REMOVED.items() if name != "user_openid"}
    assert (await hook.send(without_user | {"event": "portability.download.ready"})).status_code == 200
    assert hook.notifications.written == []
    assert counted("other", "no_person") == before + 1


async def test_wrong_signature_is_refused(hook: Hook) -> None:
    before = counted("unread", "not_genuine")
    is_problem(await hook.send(REMOVED, secret="another"), 401, "webhook_signature_wrong")
    assert hook.notifications.written == []
    assert counted("unread", "not_genuine") == before + 1


@pytest.mark.parametrize("headers", [{}, {"TikTok-Signature": ""}, {"TikTok-Signature": "t=1"}])
async def test_missing_signature_is_refused_before_body_is_read(hook: Hook, headers: dict[str, str]) -> None:
    is_problem(await hook.http.post(PATH, content=b"\xff", headers=headers), 401, "webhook_signature_wrong")


@pytest.mark.parametrize("age", [-61, 61, 86_400])
async def test_stale_signature_has_its_own_answer(hook: Hook, age: float) -> None:
    before = counted("unread", "stale")
    is_problem(await hook.send(REMOVED, age=age), 401, "webhook_signature_stale")
    assert hook.notifications.written == []
    assert counted("unread", "stale") == before + 1
    assert (await hook.send(REMOVED, age=60)).status_code == 200


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "truncated"),
        (b"\xff", "malformed"),
        (b"[]", "object"),
        (REMOVED | {"create_time": 10**30}, "create_time"),
        (REMOVED | {"content": "no json"}, "malformed"),
        (REMOVED | {"content": "x" * 100_000}, "65536 bytes"),
    ],
)
async def test_unreadable_notification_is_refused_with_reason(hook: Hook, body: object, reason: str) -> None:
    before = counted("unread", "unreadable")
    assert reason in is_problem(await hook.send(body), 422, "webhook_unreadable")
    assert hook.notifications.written == []
    assert counted("unread", "unreadable") == before + 1


async def test_too_large_body_is_cut_off(hook: Hook) -> None:
    answer = await hook.send(b" " * (LARGEST_BODY_BYTES + 1))
    is_problem(answer, 413, "body_too_large")


async def test_body_that_ends_early_is_refused(hook: Hook) -> None:
    sent: list[Message] = []
    parts: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": []}
    await hook.edge(scope, receive, send)
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"])["code"] == "bad_request"
    assert hook.notifications.written == []


async def test_notification_of_another_app_is_refused(hook: Hook) -> None:
    before = counted("authorization.removed", "another_app")
    is_problem(await hook.send(REMOVED | {"client_key": "aw2"}), 403, "webhook_of_another_app")
    assert hook.notifications.written == []
    assert counted("authorization.removed", "another_app") == before + 1


async def test_notification_not_durable_is_to_be_sent_again(hook: Hook) -> None:
    before = counted("authorization.removed", "not_durable")
    hook.notifications.down = True
    is_problem(await hook.send(REMOVED), 503, "not_durable")
    assert counted("authorization.removed", "not_durable") == before + 1

    hook.notifications.down = False
    assert (await hook.send(REMOVED)).status_code == 200
    assert len(hook.notifications.written) == 1


async def test_without_app_every_notification_is_refused(off: Hook) -> None:
    before = counted("unread", "off")
    for secret in (SECRET, ""):
        is_problem(await off.send(REMOVED, secret=secret), 503, "webhooks_off")
    assert off.notifications.written == []
    assert counted("unread", "off") == before + 2


async def test_other_methods_are_refused(hook: Hook) -> None:
    assert (await hook.http.get(PATH)).status_code == 405


def test_tiktok_app_shows_no_secret() -> None:
    assert SECRET not in repr(TikTokApp(client_key="aw1", client_secret=SECRET))
