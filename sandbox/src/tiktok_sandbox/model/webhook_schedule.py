"""The webhooks that a publication causes, computed from it alone."""

from typing import Final

from msgspec import Struct

from tiktok_sandbox.model.publications import Post, Publication, failure_of

FAILED: Final = "post.publish.failed"
COMPLETE: Final = "post.publish.complete"
INBOX_DELIVERED: Final = "post.publish.inbox_delivered"
PUBLICLY_AVAILABLE: Final = "post.publish.publicly_available"
NO_LONGER_AVAILABLE: Final = "post.publish.no_longer_publicaly_available"

# Far enough to see a failure that lies ahead, such as the end of processing.
_END_OF_TIME: Final = float("inf")


class ScheduledWebhook(Struct, frozen=True, kw_only=True):
    """An event that is or will become true of a publication."""

    due_at: float
    event: str
    content: tuple[tuple[str, str], ...]


def scheduled_webhooks(publication: Publication) -> tuple[ScheduledWebhook, ...]:
    """Return every webhook of a publication, as far as is known now.

    A later change may cancel those that lie ahead. The sender therefore checks again when one is due.
    """
    failure, processing = failure_of(publication, _END_OF_TIME), publication.processing
    found = []
    if publication.is_draft and processing is not None and not processing.fail_reason:
        found.append(_webhook(publication, INBOX_DELIVERED, processing.decided_at))
    for post in publication.posts:
        found += _webhooks_of_post(publication, post)
    if failure is None:
        return tuple(found)
    # The failure cancels what would have come after it.
    came_true = [each for each in found if each.due_at < failure.at]
    return (*came_true, _webhook(publication, FAILED, failure.at, reason=failure.reason))


def _webhooks_of_post(publication: Publication, post: Post) -> list[ScheduledWebhook]:
    """Return `complete`, and the start and end of each public period."""
    post_id = str(post.post_id)
    found = [_webhook(publication, COMPLETE, post.posted_at)]
    for span in post.public_periods:
        found.append(_webhook(publication, PUBLICLY_AVAILABLE, span.since, post_id=post_id))
        if span.until is not None:
            found.append(_webhook(publication, NO_LONGER_AVAILABLE, span.until, post_id=post_id))
    return found


def _webhook(publication: Publication, event: str, due_at: float, **more: str) -> ScheduledWebhook:
    kind = "INBOX_SHARE" if publication.is_draft else "DIRECT_PUBLISH"
    content = {"publish_id": publication.publish_id, "publish_type": kind, **more}
    return ScheduledWebhook(due_at=due_at, event=event, content=tuple(content.items()))
