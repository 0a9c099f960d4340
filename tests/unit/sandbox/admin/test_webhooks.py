"""The list of webhook deliveries."""

from harness.sandbox_client import SandboxClient
from harness.sandbox_webhooks import SECRET, deliveries_after, deliveries_of
from harness.webhook_receiver import Receiver
from tiktok_sandbox.model.settings import App
from tiktok_sandbox.runtime.clock import Clock

KEY = App().client_key


async def test_any_delivery_can_be_sent_again(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    await subscribed.add_rule(endpoint="webhook", action="lose", event="post.publish.complete")
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 1)
    numbers = [each["id"] for each in await deliveries_of(subscribed)]
    answers = [await subscribed.http.post(f"/_sandbox/webhooks/{number}/resend") for number in (*numbers, "77")]
    await deliveries_after(subscribed, 3)
    seen = (await subscribed.http.get(f"/_sandbox/webhooks/{numbers[0]}")).json()

    assert [each.status_code for each in answers] == [202, 202, 404]
    assert receiver.events == ["publicly_available", "complete", "publicly_available"]
    assert (seen["state"], seen["event"]) == ("delivered", "post.publish.complete")


async def test_deliveries_can_be_filtered(subscribed: SandboxClient, clock: Clock) -> None:
    ids = [await subscribed.post_video(b"bytes", level=level) for level in ("SELF_ONLY", "PUBLIC_TO_EVERYONE")]
    clock.advance(2)
    await deliveries_after(subscribed, 3)

    assert [each["event"] for each in await deliveries_of(subscribed, publish_id=ids[0])] == ["post.publish.complete"]
    assert len(await deliveries_of(subscribed, publish_id=ids[1], client_key=KEY)) == 2
    assert await deliveries_of(subscribed, client_key="another") == []


async def test_deliveries_show_no_secret(subscribed: SandboxClient, clock: Clock) -> None:
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 2)
    shown = (await subscribed.http.get("/_sandbox/webhooks")).text

    assert SECRET not in shown
    assert subscribed.token not in shown
