"""What rules can filter by, for publications, uploads and webhooks."""

from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model.pending_webhooks import PendingWebhook
from tiktok_sandbox.model.publications import Publication
from tiktok_sandbox.model.tables import Tables
from tiktok_sandbox.model.uploads import Upload


def subject_of_webhook(tables: Tables, pending: PendingWebhook) -> Subject:
    """Return what rules can filter by in a webhook."""
    publication, person = tables.publications.get(pending.publish_id), tables.creators.find(pending.open_id)
    return Subject(
        open_id=pending.open_id,
        username=None if person is None else person.profile.username,
        client_key=pending.client_key,
        title=None if publication is None else publication.post_info.title,
        publish_id=pending.publish_id or None,
        event=pending.event,
    )


def subject_of_publication(publication: Publication) -> Subject:
    """Return what rules can filter by in everything about a publication."""
    return Subject(
        open_id=publication.open_id,
        username=publication.username,
        client_key=publication.client_key,
        title=publication.post_info.title,
        publish_id=publication.publish_id,
    )


def subject_of_upload(tables: Tables, upload: Upload | None) -> Subject:
    """Return what rules can filter by in a PUT; nothing if its URL is wrong."""
    return Subject() if upload is None else subject_of_publication(tables.publications[upload.publish_id])
