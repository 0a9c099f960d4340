"""What rules make go wrong with webhooks: lost, doubled, late, in another order, badly signed."""

from collections.abc import AsyncIterator
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
    serving,
    settings_for,
    until,
)
from harness.webhook_receiver import Receiver, receiving
from tiktok_sandbox.runtime.clock import Clock


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def visitor(receiver: Receiver, clock: Clock) -> AsyncIterator[Visitor]:
    async with serving(settings_for(receiver), clock) as found:
        yield await found.connect()


async def test_a_lost_one_never_comes(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="lose", event="post.publish.complete")
    await visitor.posted(b"bytes")
    clock.advance(100)
    found = await after_attempt(visitor, 1)

    assert receiver.events == ["publicly_available"]
    assert [each["state"] for each in found] == ["lost", "delivered"]


async def test_a_duplicate_comes_twice(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="duplicate")
    await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 3)

    assert receiver.events == ["complete", "publicly_available", "complete"]
    assert receiver.told[0].body == receiver.told[2].body


async def test_a_late_one_comes_after_its_time(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="delay", seconds=600)
    await visitor.posted(b"bytes")
    clock.advance(2)
    [late, _] = await after_attempt(visitor, 1)
    clock.advance(600)
    await after_attempt(visitor, 2)

    assert late["next_at"] == NOON + 602
    assert receiver.events == ["publicly_available", "complete"]
    assert receiver.told[1].envelope["create_time"] == NOON + 1


async def test_one_held_back_comes_after_the_next(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="reorder")
    await visitor.posted(b"bytes")
    clock.advance(1)
    await visitor.creator_info()
    [waiting] = await deliveries_of(visitor)
    clock.advance(1)
    await after_attempt(visitor, 2)

    assert waiting["state"] == "held_back"
    assert receiver.events == ["publicly_available", "complete"]


async def test_a_wrong_signature_is_wrong_once(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    receiver.answers = [401]
    await visitor.rule(endpoint="webhook", action="wrong_signature")
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 1)
    clock.advance(30)
    await after_attempt(visitor, 2)

    assert [each.is_signed_with(SECRET) for each in receiver.told] == [False, True]


@pytest.mark.parametrize(("rule", "age"), [({}, 600), ({"seconds": 86_400}, 86_400)])
async def test_a_stale_one_is_signed_long_ago(
    visitor: Visitor, receiver: Receiver, clock: Clock, rule: dict[str, int], age: int
) -> None:
    await visitor.rule(endpoint="webhook", action="stale", **rule)
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 1)

    assert receiver.told[0].signed_at == NOON + 1 - age
    assert receiver.told[0].is_signed_with(SECRET)


async def test_an_answer_that_is_lost_makes_it_come_again(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    await visitor.rule(endpoint="webhook", action="lose_answer")
    await visitor.posted(b"bytes", level="SELF_ONLY")
    clock.advance(1)
    await after_attempt(visitor, 1)
    clock.advance(30)
    await after_attempt(visitor, 2)

    assert receiver.events == ["complete", "complete"]


async def test_one_held_goes_out_when_the_rule_is_released(visitor: Visitor, receiver: Receiver, clock: Clock) -> None:
    rule_id = await visitor.rule(endpoint="webhook", action="hold")
    await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 1)
    held = await visitor.http.get(f"/_sandbox/rules/{rule_id}/wait?holding=1&timeout={IN_TIME}")
    await visitor.http.post(f"/_sandbox/rules/{rule_id}/release")
    await after_attempt(visitor, 2)

    assert held.status_code == 200
    assert receiver.events == ["publicly_available", "complete"]


async def test_one_held_stays_so_over_a_restart(tmp_path: Path, receiver: Receiver, clock: Clock) -> None:
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
async def test_what_a_rule_makes_happen_is_told(visitor: Visitor, receiver: Receiver, clock: Clock, at: str) -> None:
    publish_id = await visitor.posted(b"bytes")
    clock.advance(2)
    await after_attempt(visitor, 2)
    await visitor.rule(endpoint="status", action="takedown", at=at)
    await visitor.status(publish_id)
    await after_attempt(visitor, 3)

    assert receiver.events[-1] == "no_longer_publicaly_available"
