"""The TikTok library accepts the webhooks that the sandbox signs and sends."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from harness.sandbox_client import SandboxClient
from harness.sandbox_webhooks import NOON, SECRET, deliveries_after, sandbox_in_memory, settings_for
from harness.webhook_receiver import ReceivedWebhook, Receiver, receiving
from tiktok.webhooks import (
    SIGNATURE_HEADER,
    Event,
    Genuine,
    NotGenuine,
    Notification,
    SignatureFault,
    Stale,
    read_notification,
    verify_signature,
)
from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.webhook_deliveries import signature, webhook_body
from tiktok_sandbox.runtime.clock import Clock

NOW = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def client(receiver: Receiver, clock: Clock) -> AsyncIterator[SandboxClient]:
    async with sandbox_in_memory(settings_for(receiver), clock) as found:
        yield await found.connect()


def judge(call: ReceivedWebhook, *, secret: str = SECRET, now: datetime = NOW) -> Genuine | Stale | NotGenuine:
    return verify_signature(call.headers[SIGNATURE_HEADER.lower()], call.body, client_secret=secret, now=now)


async def revoke(client: SandboxClient) -> None:
    await client.http.post("/v2/oauth/revoke/", data={**client.app, "token": client.token})
    await deliveries_after(client, 1)


async def test_removal_webhook_arrives_signed(client: SandboxClient, receiver: Receiver) -> None:
    await revoke(client)
    (received,) = receiver.received
    assert judge(received) == Genuine()
    assert judge(received, secret="another") == NotGenuine(SignatureFault.WRONG)
    assert judge(received, now=NOW + timedelta(minutes=6)) == Stale(signed_at=NOON)
    assert read_notification(received.body) == Notification(
        client_key=client.app["client_key"],
        event=Event.AUTHORIZATION_REMOVED,
        open_id=client.tokens["open_id"],
        created_at=NOON,
        content={"reason": 5},
    )


@pytest.mark.parametrize(
    ("action", "verdict"),
    [("wrong_signature", NotGenuine(SignatureFault.WRONG)), ("stale", Stale(signed_at=NOON - 3600))],
)
async def test_bad_signature_is_detected(
    client: SandboxClient, receiver: Receiver, action: str, verdict: Stale | NotGenuine
) -> None:
    await client.add_rule(endpoint="webhook", action=action, seconds=3600)
    await revoke(client)
    assert judge(receiver.received[0]) == verdict


async def test_post_webhooks_are_understood(client: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    publish_id = await client.post_video(b"bytes")
    clock.advance(1)
    await deliveries_after(client, 1)
    clock.advance(1)
    await deliveries_after(client, 2)
    (post,) = (await client.ledger())["posts"]
    received = [read_notification(each.body) for each in receiver.received]
    assert [(each.event, dict(each.content)) for each in received if isinstance(each, Notification)] == [
        (Event.PUBLISH_COMPLETE, {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH"}),
        (
            Event.PUBLICLY_AVAILABLE,
            {"publish_id": publish_id, "publish_type": "DIRECT_PUBLISH", "post_id": str(post["post_id"])},
        ),
    ]


@pytest.mark.parametrize("event", Event)
def test_every_documented_event_is_read_as_sent(event: Event) -> None:
    notice = PendingWebhook(
        due_at=NOON + 0.7, client_key="sb1", event=event.value, open_id="-000Äß\u0001", content={"reason": 0, "x": "ü"}
    )
    body = webhook_body(notice).encode()
    assert verify_signature(signature(SECRET, NOON, body), body, client_secret=SECRET, now=NOW) == Genuine()
    assert read_notification(body) == Notification(
        client_key="sb1", event=event, open_id="-000Äß\u0001", created_at=NOON, content={"reason": 0, "x": "ü"}
    )
