"""Rules on webhooks: lost, duplicated, late, reordered, badly signed."""

from pathlib import Path

import pytest

from harness.sandbox_client import SandboxClient
from harness.sandbox_webhooks import (
    IN_TIME,
    NOON,
    SECRET,
    deliveries_after,
    deliveries_of,
    sandbox_with_state,
    settings_for,
    wait_until,
)
from harness.webhook_receiver import Receiver
from tiktok_sandbox.runtime.clock import Clock


async def test_lost_webhook_never_arrives(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    await subscribed.add_rule(endpoint="webhook", action="lose", event="post.publish.complete")
    await subscribed.post_video(b"bytes")
    clock.advance(100)
    found = await deliveries_after(subscribed, 1)

    assert receiver.events == ["publicly_available"]
    assert [each["state"] for each in found] == ["lost", "delivered"]


async def test_duplicated_webhook_arrives_twice(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    await subscribed.add_rule(endpoint="webhook", action="duplicate")
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 3)

    assert receiver.events == ["complete", "publicly_available", "complete"]
    assert receiver.received[0].body == receiver.received[2].body


async def test_delayed_webhook_arrives_after_its_time(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    await subscribed.add_rule(endpoint="webhook", action="delay", seconds=600)
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    [late, _] = await deliveries_after(subscribed, 1)
    clock.advance(600)
    await deliveries_after(subscribed, 2)

    assert late["next_at"] == NOON + 602
    assert receiver.events == ["publicly_available", "complete"]
    assert receiver.received[1].envelope["create_time"] == NOON + 1


async def test_reordered_webhook_arrives_after_the_next(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    await subscribed.add_rule(endpoint="webhook", action="reorder")
    await subscribed.post_video(b"bytes")
    clock.advance(1)
    await subscribed.creator_info()
    [waiting] = await deliveries_of(subscribed)
    clock.advance(1)
    await deliveries_after(subscribed, 2)

    assert waiting["state"] == "held_back"
    assert receiver.events == ["publicly_available", "complete"]


async def test_wrong_signature_is_wrong_once(subscribed: SandboxClient, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [401]
    await subscribed.add_rule(endpoint="webhook", action="wrong_signature")
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 1)
    clock.advance(30)
    await deliveries_after(subscribed, 2)

    assert [each.is_signed_with(SECRET) for each in receiver.received] == [False, True]


@pytest.mark.parametrize(("rule", "age"), [({}, 600), ({"seconds": 86_400}, 86_400)])
async def test_stale_webhook_has_an_old_timestamp(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock, rule: dict[str, int], age: int
) -> None:
    await subscribed.add_rule(endpoint="webhook", action="stale", **rule)
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 1)

    assert receiver.received[0].signed_at == NOON + 1 - age
    assert receiver.received[0].is_signed_with(SECRET)


async def test_lost_answer_makes_the_webhook_arrive_again(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    await subscribed.add_rule(endpoint="webhook", action="lose_answer")
    await subscribed.post_video(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await deliveries_after(subscribed, 1)
    clock.advance(30)
    await deliveries_after(subscribed, 2)

    assert receiver.events == ["complete", "complete"]


async def test_held_webhook_is_sent_when_the_rule_is_released(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock
) -> None:
    rule_id = await subscribed.add_rule(endpoint="webhook", action="hold")
    await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 1)
    held = await subscribed.http.get(f"/_sandbox/rules/{rule_id}/wait?holding=1&timeout={IN_TIME}")
    await subscribed.http.post(f"/_sandbox/rules/{rule_id}/release")
    await deliveries_after(subscribed, 2)

    assert held.status_code == 200
    assert receiver.events == ["publicly_available", "complete"]


async def test_held_webhook_stays_held_over_a_restart(tmp_path: Path, receiver: Receiver, clock: Clock) -> None:
    settings = settings_for(receiver)
    async with sandbox_with_state(settings, clock, tmp_path) as before:
        rule_id = await (await before.connect()).add_rule(endpoint="webhook", action="hold")
        await before.post_video(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await wait_until(before, lambda: before.context.breakpoints.holding(rule_id) == 1)
    async with sandbox_with_state(settings, clock, tmp_path) as after:
        await wait_until(after, lambda: after.context.breakpoints.holding(rule_id) == 1)
        sent_too_early = list(receiver.received)
        await after.http.post(f"/_sandbox/rules/{rule_id}/release")
        await deliveries_after(after, 1)

    assert not sent_too_early
    assert receiver.events == ["complete"]


@pytest.mark.parametrize("at", ["request", "answer"])
async def test_revoke_and_takedown_rules_send_webhooks(
    subscribed: SandboxClient, receiver: Receiver, clock: Clock, at: str
) -> None:
    publish_id = await subscribed.post_video(b"bytes")
    clock.advance(2)
    await deliveries_after(subscribed, 2)
    await subscribed.add_rule(endpoint="status", action="takedown", at=at)
    await subscribed.status(publish_id)
    await deliveries_after(subscribed, 3)

    assert receiver.events[-1] == "no_longer_publicaly_available"
