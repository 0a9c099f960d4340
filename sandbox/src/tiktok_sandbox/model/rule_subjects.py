"""Subjects."""

from tiktok_sandbox.faults.rules import Subject
from tiktok_sandbox.model.pending_webhooks import Notice
from tiktok_sandbox.model.publications import Publication
from tiktok_sandbox.model.tables import World
from tiktok_sandbox.model.uploads import Upload


def subject_of_notice(world: World, notice: Notice) -> Subject:
    """What rules may look at in what an app is told."""
    publication, person = world.publications.get(notice.publish_id), world.creators.of(notice.open_id)
    return Subject(
        open_id=notice.open_id,
        username=None if person is None else person.profile.username,
        client_key=notice.client_key,
        title=None if publication is None else publication.post_info.title,
        publish_id=notice.publish_id or None,
        event=notice.event,
    )


def subject_of_publication(publication: Publication) -> Subject:
    """What rules may look at once an init was accepted."""
    return Subject(
        open_id=publication.open_id,
        username=publication.username,
        client_key=publication.client_key,
        title=publication.post_info.title,
        publish_id=publication.publish_id,
    )


def subject_of_upload(world: World, upload: Upload | None) -> Subject:
    """What rules may look at in a PUT."""
    return Subject() if upload is None else subject_of_publication(world.publications[upload.publish_id])
