"""Rules on webhooks: lost, duplicated, late, reordered, badly signed."""

from pathlib import Path

import pytest

from harness.sandbox_client import Visitor
from harness.sandbox_webhooks import (
    IN_TIME,
    NOON,
    SECRET,
    after_attempt,
    deliveries_of,
    keeping,
    settings_for,
    until,
)
from harness.webhook_receiver import Receiver
from tiktok_sandbox.runtime.clock import Clock


async def test_lost_webhook_never_arrives(subscribed: Visitor, receiver: Receiver, clock: Clock) -> None:
    await subscribed.rule(endpoint="webhook", action="lose", event="post.publish.complete")
    await subscribed.posted(b"bytes")
    clock.advance(100)
    found = await after_attempt(subscribed, 1)

    assert receiver.events == ["publicly_available"]
    assert [each["state"] for each in found] == ["lost", "delivered"]


async def test_duplicated_webhook_arrives_twice(subscribed: Visitor, receiver: Receiver, clock: Clock) -> None:
    await subscribed.rule(endpoint="webhook", action="duplicate")
    await subscribed.posted(b"bytes")
    clock.advance(2)
    await after_attempt(subscribed, 3)

    assert receiver.events == ["complete", "publicly_available", "complete"]
    assert receiver.told[0].body == receiver.told[2].body


async def test_delayed_webhook_arrives_after_its_time(subscribed: Visitor, receiver: Receiver, clock: Clock) -> None:
    await subscribed.rule(endpoint="webhook", action="delay", seconds=600)
    await subscribed.posted(b"bytes")
    clock.advance(2)
    [late, _] = await after_attempt(subscribed, 1)
    clock.advance(600)
    await after_attempt(subscribed, 2)

    assert late["next_at"] == NOON + 602
    assert receiver.events == ["publicly_available", "complete"]
    assert receiver.told[1].envelope["create_time"] == NOON + 1


async def test_reordered_webhook_arrives_after_the_next(subscribed: Visitor, receiver: Receiver, clock: Clock) -> None:
    await subscribed.rule(endpoint="webhook", action="reorder")
    await subscribed.posted(b"bytes")
    clock.advance(1)
    await subscribed.creator_info()
    [waiting] = await deliveries_of(subscribed)
    clock.advance(1)
    await after_attempt(subscribed, 2)

    assert waiting["state"] == "held_back"
    assert receiver.events == ["publicly_available", "complete"]


async def test_wrong_signature_is_wrong_once(subscribed: Visitor, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [401]
    await subscribed.rule(endpoint="webhook", action="wrong_signature")
    await subscribed.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(subscribed, 1)
    clock.advance(30)
    await after_attempt(subscribed, 2)

    assert [each.is_signed_with(SECRET) for each in receiver.told] == [False, True]


@pytest.mark.parametrize(("rule", "age"), [({}, 600), ({"seconds": 86_400}, 86_400)])
async def test_stale_webhook_has_an_old_timestamp(
    subscribed: Visitor, receiver: Receiver, clock: Clock, rule: dict[str, int], age: int
) -> None:
    await subscribed.rule(endpoint="webhook", action="stale", **rule)
    await subscribed.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(subscribed, 1)

    assert receiver.told[0].signed_at == NOON + 1 - age
    assert receiver.told[0].is_signed_with(SECRET)


async def test_lost_answer_makes_the_webhook_arrive_again(
    subscribed: Visitor, receiver: Receiver, clock: Clock
) -> None:
    await subscribed.rule(endpoint="webhook", action="lose_answer")
    await subscribed.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(subscribed, 1)
    clock.advance(30)
    await after_attempt(subscribed, 2)

    assert receiver.events == ["complete", "complete"]


async def test_held_webhook_is_sent_when_the_rule_is_released(
    subscribed: Visitor, receiver: Receiver, clock: Clock
) -> None:
    rule_id = await subscribed.rule(endpoint="webhook", action="hold")
    await subscribed.posted(b"bytes")
    clock.advance(2)
    await after_attempt(subscribed, 1)
    held = await subscribed.http.get(f"/_sandbox/rules/{rule_id}/wait?holding=1&timeout={IN_TIME}")
    await subscribed.http.post(f"/_sandbox/rules/{rule_id}/release")
    await after_attempt(subscribed, 2)

    assert held.status_code == 200
    assert receiver.events == ["publicly_available", "complete"]


async def test_held_webhook_stays_held_over_a_restart(tmp_path: Path, receiver: Receiver, clock: Clock) -> None:
    settings = settings_for(receiver)
    async with keeping(settings, clock, tmp_path) as before:
        rule_id = await (await before.connect()).rule(endpoint="webhook", action="hold")
        await before.posted(b"bytes", level="SELF_ONLY")
        clock.advance(1)
        await until(before, lambda: before.context.breakpoints.holding(rule_id) == 1)
    async with keeping(settings, clock, tmp_path) as after:
        await until(after, lambda: after.context.breakpoints.holding(rule_id) == 1)
        told_too_early = list(receiver.told)
        await after.http.post(f"/_sandbox/rules/{rule_id}/release")
        await after_attempt(after, 1)

    assert not told_too_early
    assert receiver.events == ["complete"]


@pytest.mark.parametrize("at", ["request", "answer"])
async def test_revoke_and_takedown_rules_send_webhooks(
    subscribed: Visitor, receiver: Receiver, clock: Clock, at: str
) -> None:
    publish_id = await subscribed.posted(b"bytes")
    clock.advance(2)
    await after_attempt(subscribed, 2)
    await subscribed.rule(endpoint="status", action="takedown", at=at)
    await subscribed.status(publish_id)
    await after_attempt(subscribed, 3)

    assert receiver.events[-1] == "no_longer_publicaly_available"
