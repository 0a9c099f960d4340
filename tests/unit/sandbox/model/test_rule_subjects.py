"""What rules can filter by."""

from harness.sandbox_client import SandboxClient
from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model import rule_subjects
from tiktok_sandbox.model.pending_webhooks import PendingWebhook


async def test_publication_can_be_filtered_by_all_its_names(connected: SandboxClient) -> None:
    publish_id, _ = await connected.open_upload(10, title="a title")

    subject = rule_subjects.subject_of_publication(connected.context.tables.publications[publish_id])

    assert (subject.publish_id, subject.title, subject.username) == (publish_id, "a title", "demo-creator")
    assert (subject.open_id, subject.client_key) == (connected.tokens["open_id"], connected.app["client_key"])


async def test_upload_behind_an_unknown_url_has_no_subject(connected: SandboxClient) -> None:
    assert rule_subjects.subject_of_upload(connected.context.tables, None) == Subject()


async def test_webhook_about_no_publication_has_its_event_only(connected: SandboxClient) -> None:
    open_id, client_key = connected.tokens["open_id"], connected.app["client_key"]
    event = "authorization.removed"
    webhook = PendingWebhook(due_at=0.0, client_key=client_key, event=event, open_id=open_id, content={})

    subject = rule_subjects.subject_of_webhook(connected.context.tables, webhook)

    assert subject == Subject(open_id=open_id, username="demo-creator", client_key=client_key, event=event)
