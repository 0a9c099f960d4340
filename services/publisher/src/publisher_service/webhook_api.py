"""`POST /v1/webhooks/tiktok`: checks TikTok's signature, writes the notification to Kafka, and answers. No state.

Nothing is decided here. Readers of `tiktok.webhooks` treat a notification as a hint, because it may come late, more
than once, and in any order.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

import structlog
from fastapi import APIRouter, Request, Security
from fastapi.security import APIKeyHeader
from starlette.requests import ClientDisconnect

from common.clock import Clock, UtcDatetime
from common.contract.account import account_id_of
from common.contract.tiktok import TikTokNotified
from common.errors import NotDurable
from common.http.errors import Problem
from common.http.openapi import TIKTOK_SIGNATURE, problems, raw_body
from common.http.problems import Code
from common.service import tracing
from common.service.tracing import RandomBytes
from publisher_service import metrics
from publisher_service.metrics import UNREAD, WebhookResult, label_of
from publisher_service.settings import EdgeSettings
from tiktok.webhooks import (
    SIGNATURE_HEADER,
    Genuine,
    NotGenuine,
    Notification,
    Stale,
    Unreadable,
    read_notification,
    verify_signature,
)

_SCHEME = APIKeyHeader(
    name=SIGNATURE_HEADER,
    scheme_name=TIKTOK_SIGNATURE,
    description="`t=<seconds since 1970>,s=<HMAC-SHA256 of t, a dot and the body, in hex>`, by the app's secret.",
    # Documentation only: `verify_signature` checks the header, and its refusal names the fault.
    auto_error=False,
)
# Written by hand: the signature covers the raw bytes, so the body is no parameter that FastAPI could describe.
_NOTIFICATION = {
    "type": "object",
    "required": ["client_key", "event", "create_time"],
    "properties": {
        "client_key": {"type": "string", "minLength": 1, "maxLength": 256, "description": "The app's client key."},
        "event": {"type": "string", "minLength": 1, "maxLength": 256, "examples": ["authorization.removed"]},
        "create_time": {
            "type": "integer",
            "minimum": 0,
            "maximum": 253_402_300_799,
            "description": "Seconds since 1970.",
        },
        "user_openid": {"type": ["string", "null"], "maxLength": 256, "description": "The user that it is about."},
        "content": {
            "type": ["string", "null"],
            "contentMediaType": "application/json",
            "contentSchema": {"type": "object"},
            "description": "Details, as the text of a JSON object.",
        },
    },
}
_REFUSALS = (
    Code.BAD_REQUEST,
    Code.BODY_TOO_LARGE,
    Code.WEBHOOK_UNREADABLE,
    Code.WEBHOOK_OF_ANOTHER_APP,
    Code.NOT_DURABLE,
)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class TikTokApp:
    """The TikTok app whose webhook this is. TikTok signs its notifications with the app's secret."""

    client_key: str
    # Left out of `repr`, which ends up in logs and tracebacks.
    client_secret: str = field(repr=False)


def tiktok_app(settings: EdgeSettings) -> TikTokApp | None:
    """Return the app whose webhooks this edge accepts; None if its key or its secret is not set."""
    if not settings.client_key or not settings.client_secret:
        return None
    return TikTokApp(client_key=settings.client_key, client_secret=settings.client_secret.get_secret_value())


class NotificationWriter(Protocol):
    """Writes notifications to Kafka."""

    async def write(self, notified: TikTokNotified, traceparent: str) -> None:
        """Return once the notification is durable. Raises `NotDurable`."""


def webhook_routes(
    *,
    app: TikTokApp | None,
    notifications: NotificationWriter,
    tolerance: timedelta,
    clock: Clock,
    random_bytes: RandomBytes,
) -> APIRouter:
    """Build the route. Without an app no signature can be checked, so every request is refused."""
    router = APIRouter(tags=["webhooks"])

    @router.post("/v1/webhooks/tiktok", responses=problems(*_REFUSALS), openapi_extra=raw_body(_NOTIFICATION))
    async def receive(http: Request, _documented: Annotated[str | None, Security(_SCHEME)]) -> dict[str, str]:
        """Take a notification that TikTok signed. TikTok repeats it for 72 hours until it is answered with 200."""
        if app is None:
            raise _off()
        body = await _body_of(http)
        now = clock()
        _check(
            # Before anything is parsed: until here the body may come from anyone on the internet.
            verify_signature(
                http.headers.get(SIGNATURE_HEADER), body, client_secret=app.client_secret, now=now, tolerance=tolerance
            )
        )
        notification = _notification_for(read_notification(body), app)
        if notification.open_id:
            trace = tracing.child_of(http.headers.get("traceparent"), random_bytes)
            await _write(notifications, _notified(notification, now), str(trace))
        else:
            # Without a user there is no account to write it under. 200, or TikTok would repeat it for 72 hours.
            _count(label_of(notification.event), WebhookResult.NO_PERSON)
        return {}

    return router


async def _body_of(http: Request) -> bytes:
    # The signature covers the bytes as they came, so the body is not parsed by FastAPI first.
    try:
        return await http.body()
    except ClientDisconnect as gone:
        raise Problem(Code.BAD_REQUEST, "The body ended early.") from gone


def _off() -> Problem:
    detail = "This installation takes no webhooks. Set TIKTOK_CLIENT_KEY and TIKTOK_CLIENT_SECRET."
    return _refused(UNREAD, WebhookResult.OFF, Code.WEBHOOKS_OFF, detail)


def _check(signature: Genuine | Stale | NotGenuine) -> None:
    """Refuse a body that TikTok did not sign, or signed too long ago.

    A valid signature stays valid, so without the age check a recorded request could be replayed at any time.
    """
    match signature:
        case NotGenuine(fault=fault):
            # Anyone on the internet can cause this, so it is counted and not logged: it must not flood the log.
            detail = f"The body does not carry TikTok's signature: {SIGNATURE_HEADER} is {fault}."
            raise _refused(UNREAD, WebhookResult.NOT_GENUINE, Code.WEBHOOK_SIGNATURE_WRONG, detail)
        case Stale(signed_at=signed_at):
            _log.warning("webhook_stale", signed_at=signed_at)
            detail = "The signature is TikTok's, but too old or in the future. Send it again with a new signature."
            raise _refused(UNREAD, WebhookResult.STALE, Code.WEBHOOK_SIGNATURE_STALE, detail)
        case Genuine():
            pass


def _notification_for(found: Notification | Unreadable, app: TikTokApp) -> Notification:
    """Return the notification, or refuse it with a reason that an operator can act on.

    Both refusals are logged, because TikTok signed the body: the cause is our version or our settings.
    """
    match found:
        case Unreadable(reason=reason):
            _log.warning("webhook_unreadable", reason=reason)
            detail = f"TikTok signed this, but it is not a notification: {reason}."
            raise _refused(UNREAD, WebhookResult.UNREADABLE, Code.WEBHOOK_UNREADABLE, detail)
        case Notification() if found.client_key != app.client_key:
            _log.warning("webhook_of_another_app", client_key=found.client_key)
            detail = "The notification is for another app than the one in TIKTOK_CLIENT_KEY."
            raise _refused(label_of(found.event), WebhookResult.ANOTHER_APP, Code.WEBHOOK_OF_ANOTHER_APP, detail)
        case Notification():
            return found


def _notified(notification: Notification, now: UtcDatetime) -> TikTokNotified:
    """Make the event for `tiktok.webhooks`.

    `occurred_at` is by TikTok's clock, `received_at` by ours.
    """
    # `account_id_of` derives the same id as auth did from the same consent, so no look-up is needed, and
    # a notification may arrive before its account is in view.
    return TikTokNotified(
        account_id=account_id_of(notification.client_key, notification.open_id),
        client_key=notification.client_key,
        open_id=notification.open_id,
        event=notification.event,
        content=dict(notification.content),
        occurred_at=datetime.fromtimestamp(notification.created_at, UTC),
        received_at=now,
    )


async def _write(notifications: NotificationWriter, notified: TikTokNotified, traceparent: str) -> None:
    label = label_of(notified.event)
    try:
        await notifications.write(notified, traceparent)
    # Not answered with 200, so TikTok sends it again and the notification is not lost.
    except NotDurable as error:
        detail = "Kafka did not confirm the notification in time. Send it again."
        raise _refused(label, WebhookResult.NOT_DURABLE, Code.NOT_DURABLE, detail) from error
    _count(label, WebhookResult.WRITTEN)
    _log.info("webhook_written", account_id=notified.account_id, webhook_event=label)


def _refused(event: str, result: WebhookResult, code: Code, detail: str) -> Problem:
    _count(event, result)
    return Problem(code, detail)


def _count(event: str, result: WebhookResult) -> None:
    metrics.WEBHOOKS.labels(event, result).inc()
