"""TikTok's webhook: checks who speaks, writes down what is said, and answers at once. Keeps nothing."""

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
from publisher_service.metrics import UNREAD, Verdict, label_of
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
    auto_error=False,
)
_NOTIFICATION = {
    "type": "object",
    "required": ["client_key", "event", "create_time"],
    "properties": {
        "client_key": {"type": "string", "minLength": 1, "maxLength": 256, "description": "The app's."},
        "event": {"type": "string", "minLength": 1, "maxLength": 256, "examples": ["authorization.removed"]},
        "create_time": {
            "type": "integer",
            "minimum": 0,
            "maximum": 253_402_300_799,
            "description": "Since 1970, in s.",
        },
        "user_openid": {"type": ["string", "null"], "maxLength": 256, "description": "Whom it is about."},
        "content": {
            "type": ["string", "null"],
            "contentMediaType": "application/json",
            "contentSchema": {"type": "object"},
            "description": "More, as the text of a JSON object.",
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
class App:
    """The TikTok app whose webhook this is. Its secret signs what TikTok sends."""

    client_key: str
    client_secret: str = field(repr=False)


def app_of(settings: EdgeSettings) -> App | None:
    """Return the app whose webhooks this edge accepts. None if the settings name none, or only half of it."""
    if not settings.client_key or not settings.client_secret:
        return None
    return App(client_key=settings.client_key, client_secret=settings.client_secret.get_secret_value())


class Notifications(Protocol):
    """Where notifications are written to."""

    async def write(self, notified: TikTokNotified, traceparent: str) -> None:
        """Return once it is durable. Raises `NotDurable`."""


def webhook_routes(
    *,
    app: App | None,
    notifications: Notifications,
    tolerance: timedelta,
    clock: Clock,
    random_bytes: RandomBytes,
) -> APIRouter:
    """Build the route. Without an app nothing can be checked, so everything is refused."""
    router = APIRouter(tags=["webhooks"])

    @router.post("/v1/webhooks/tiktok", responses=problems(*_REFUSALS), openapi_extra=raw_body(_NOTIFICATION))
    async def receive(http: Request, _documented: Annotated[str | None, Security(_SCHEME)]) -> dict[str, str]:
        """What TikTok tells the app, signed by TikTok. It repeats whatever is not answered by 200, for 72 hours."""
        if app is None:
            raise _off()
        body = await _body_of(http)
        now = clock()
        _check(
            verify_signature(
                http.headers.get(SIGNATURE_HEADER), body, client_secret=app.client_secret, now=now, tolerance=tolerance
            )
        )
        notification = _understood(read_notification(body), app)
        if notification.open_id:
            trace = tracing.child_of(http.headers.get("traceparent"), random_bytes)
            await _write(notifications, _notified(notification, now), str(trace))
        else:
            _count(label_of(notification.event), Verdict.NO_PERSON)
        return {}

    return router


async def _body_of(http: Request) -> bytes:
    try:
        return await http.body()
    except ClientDisconnect as gone:
        raise Problem(Code.BAD_REQUEST, "The body ended early.") from gone


def _off() -> Problem:
    detail = "This installation takes no webhooks: TIKTOK_CLIENT_KEY or TIKTOK_CLIENT_SECRET is not set here."
    return _refused(UNREAD, Verdict.OFF, Code.WEBHOOKS_OFF, detail)


def _check(verdict: Genuine | Stale | NotGenuine) -> None:
    match verdict:
        case NotGenuine(fault=fault):
            # Anybody can send this, so it is counted and never logged.
            detail = f"The body does not carry TikTok's signature: {SIGNATURE_HEADER} is {fault}."
            raise _refused(UNREAD, Verdict.NOT_GENUINE, Code.WEBHOOK_SIGNATURE_WRONG, detail)
        case Stale(signed_at=signed_at):
            _log.warning("webhook_stale", signed_at=signed_at)
            detail = "The signature is TikTok's, but not of this moment."
            raise _refused(UNREAD, Verdict.STALE, Code.WEBHOOK_SIGNATURE_STALE, detail)
        case Genuine():
            pass


def _understood(found: Notification | Unreadable, app: App) -> Notification:
    match found:
        case Unreadable(reason=reason):
            _log.warning("webhook_unreadable", reason=reason)
            detail = f"TikTok signed this, but it is no notification: {reason}."
            raise _refused(UNREAD, Verdict.UNREADABLE, Code.WEBHOOK_UNREADABLE, detail)
        case Notification() if found.client_key != app.client_key:
            _log.warning("webhook_of_another_app", client_key=found.client_key)
            detail = "The notification is for another app than TIKTOK_CLIENT_KEY names here."
            raise _refused(label_of(found.event), Verdict.ANOTHER_APP, Code.WEBHOOK_OF_ANOTHER_APP, detail)
        case Notification():
            return found


def _notified(notification: Notification, now: UtcDatetime) -> TikTokNotified:
    return TikTokNotified(
        account_id=account_id_of(notification.client_key, notification.open_id),
        client_key=notification.client_key,
        open_id=notification.open_id,
        event=notification.event,
        content=dict(notification.content),
        occurred_at=datetime.fromtimestamp(notification.created_at, UTC),
        received_at=now,
    )


async def _write(notifications: Notifications, notified: TikTokNotified, traceparent: str) -> None:
    told = label_of(notified.event)
    try:
        await notifications.write(notified, traceparent)
    except NotDurable as error:
        detail = "The notification may be written down or not. Send it again."
        raise _refused(told, Verdict.NOT_DURABLE, Code.NOT_DURABLE, detail) from error
    _count(told, Verdict.WRITTEN)
    _log.info("webhook_written", account_id=notified.account_id, told=told)


def _refused(told: str, verdict: Verdict, code: Code, detail: str) -> Problem:
    _count(told, verdict)
    return Problem(code, detail)


def _count(told: str, verdict: Verdict) -> None:
    metrics.WEBHOOKS.labels(told, verdict).inc()
