"""Webhooks that a stored publication causes."""

from harness.sandbox_client import SMALL, Meet, Visitor
from tiktok_sandbox.model.publications import Publication
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.tables import is_still_true
from tiktok_sandbox.model.webhook_schedule import scheduled_webhooks
from tiktok_sandbox.runtime.clock import Clock


def told(of: Publication) -> list[tuple[float, str]]:
    return [(each.due_at, each.event.removeprefix("post.publish.")) for each in scheduled_webhooks(of)]


async def test_each_event_is_scheduled_once(meet: Meet, clock: Clock) -> None:
    visitor: Visitor = await (await meet(Settings(chunk_limits=SMALL))).connect()
    visitor.listen()
    publish_id = await visitor.posted(b"bytes")
    clock.advance(2)
    at_first = await visitor.told()
    await visitor.http.post(f"/_sandbox/publications/{publish_id}/takedown")
    told = await visitor.told()

    assert [event for event, _, _ in at_first] == ["post.publish.complete", "post.publish.publicly_available"]
    assert [event for event, _, _ in told[2:]] == ["post.publish.no_longer_publicaly_available"]
    assert {(open_id, content["publish_id"]) for _, open_id, content in told} == {
        (visitor.tokens["open_id"], publish_id)
    }


async def test_webhook_is_still_true_until_its_post_changes(meet: Meet, clock: Clock) -> None:
    visitor: Visitor = await (await meet(Settings(chunk_limits=SMALL))).connect()
    publish_id = await visitor.posted(b"bytes")
    tables, later = visitor.context.tables, clock.now() + 2
    foreseen_at_first = list(tables.pending_webhooks.rows.values())
    held = [is_still_true(tables, each, later) for each in foreseen_at_first]
    await visitor.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})

    assert held == [True, True]
    assert [is_still_true(tables, each, later) for each in foreseen_at_first] == [False, False]


async def test_event_that_never_became_true_is_not_sent(meet: Meet, clock: Clock) -> None:
    visitor: Visitor = await (await meet(Settings(chunk_limits=SMALL))).connect()
    visitor.listen()
    publish_id = await visitor.posted(b"bytes")
    await visitor.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})
    clock.advance(2)

    assert [event for event, _, _ in await visitor.told()] == ["post.publish.failed"]
