"""Webhooks that a stored publication causes."""

from harness.sandbox_client import SMALL, NewClient, SandboxClient
from tiktok_sandbox.model.publications import Publication
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.tables import is_still_true
from tiktok_sandbox.model.webhook_schedule import scheduled_webhooks
from tiktok_sandbox.runtime.clock import Clock


def events_of(of: Publication) -> list[tuple[float, str]]:
    return [(each.due_at, each.event.removeprefix("post.publish.")) for each in scheduled_webhooks(of)]


async def test_each_event_is_scheduled_once(new_client: NewClient, clock: Clock) -> None:
    client: SandboxClient = await (await new_client(Settings(chunk_limits=SMALL))).connect()
    client.subscribe()
    publish_id = await client.post_video(b"bytes")
    clock.advance(2)
    at_first = await client.sent_webhooks()
    await client.http.post(f"/_sandbox/publications/{publish_id}/takedown")
    events_of = await client.sent_webhooks()

    assert [event for event, _, _ in at_first] == ["post.publish.complete", "post.publish.publicly_available"]
    assert [event for event, _, _ in events_of[2:]] == ["post.publish.no_longer_publicaly_available"]
    assert {(open_id, content["publish_id"]) for _, open_id, content in events_of} == {
        (client.tokens["open_id"], publish_id)
    }


async def test_webhook_is_still_true_until_its_post_changes(new_client: NewClient, clock: Clock) -> None:
    client: SandboxClient = await (await new_client(Settings(chunk_limits=SMALL))).connect()
    publish_id = await client.post_video(b"bytes")
    tables, later = client.context.tables, clock.now() + 2
    foreseen_at_first = list(tables.pending_webhooks.rows.values())
    held = [is_still_true(tables, each, later) for each in foreseen_at_first]
    await client.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})

    assert held == [True, True]
    assert [is_still_true(tables, each, later) for each in foreseen_at_first] == [False, False]


async def test_event_that_never_became_true_is_not_sent(new_client: NewClient, clock: Clock) -> None:
    client: SandboxClient = await (await new_client(Settings(chunk_limits=SMALL))).connect()
    client.subscribe()
    publish_id = await client.post_video(b"bytes")
    await client.http.post(f"/_sandbox/publications/{publish_id}/fail", json={"reason": "spam_risk"})
    clock.advance(2)

    assert [event for event, _, _ in await client.sent_webhooks()] == ["post.publish.failed"]
