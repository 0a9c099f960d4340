"""All state of the sandbox in tables."""

from collections import Counter

from msgspec import structs

from tiktok_sandbox.faults.rules import Rules
from tiktok_sandbox.model.apps import Apps
from tiktok_sandbox.model.creators import Creators
from tiktok_sandbox.model.grants import Grants
from tiktok_sandbox.model.identifiers import Identifiers
from tiktok_sandbox.model.pending_webhooks import PendingWebhook, PendingWebhooks
from tiktok_sandbox.model.publications import Publication, Source
from tiktok_sandbox.model.rate_limits import RateLimits
from tiktok_sandbox.model.settings import Settings
from tiktok_sandbox.model.uploads import Upload
from tiktok_sandbox.model.webhook_deliveries import Deliveries
from tiktok_sandbox.model.webhook_schedule import scheduled_webhooks
from tiktok_sandbox.runtime.table import Table


class Tables:
    """All tables. No clock and no sockets, so tests can fill and read them directly."""

    def __init__(self, settings: Settings, ids: Identifiers, base_url: str) -> None:
        self.apps = Apps(ids, settings.app, settings.apps)
        self.settings = structs.replace(settings, app=self.apps.default)
        self.ids = ids
        self.base_url = base_url
        self.grants = Grants()
        self.creators = Creators(settings.app.client_key)
        self.publications: Table[str, Publication] = Table()
        self.pending_downloads: set[str] = set()
        self._ids_by_username: dict[str, list[str]] = {}
        self.uploads: Table[str, Upload] = Table()
        self.bytes_read: Table[str, int] = Table()
        self.rate_limits = RateLimits()
        self.rules = Rules()
        self.pending_webhooks = PendingWebhooks()
        self.deliveries = Deliveries()
        for profile in settings.creators:
            self.creators.save(profile)

    def save_publication(self, publication: Publication) -> None:
        """Store a new or changed publication, and schedule its new webhooks.

        Only events that the old version did not have are scheduled, so that none is sent twice.
        """
        before = self.publications.get(publication.publish_id)
        self.put_publication(publication)
        # A counter, not a set: a draft that is posted twice causes the same event twice.
        scheduled = Counter(() if before is None else scheduled_webhooks(before))
        for each in Counter(scheduled_webhooks(publication)) - scheduled:
            self.pending_webhooks.schedule(
                PendingWebhook(
                    due_at=each.due_at,
                    client_key=publication.client_key,
                    event=each.event,
                    open_id=publication.open_id,
                    publish_id=publication.publish_id,
                    content=dict(each.content),
                )
            )

    def put_publication(self, publication: Publication) -> None:
        """Store a publication and index it, without scheduling webhooks.

        For progress, and for rows that are restored: their webhooks are saved rows of their own.
        """
        publish_id = publication.publish_id
        if publish_id not in self.publications:
            self._ids_by_username.setdefault(publication.username, []).append(publish_id)
        self.publications[publish_id] = publication
        # Only a running download needs a task. An upload moves with its chunks, and the rest by the clock.
        has_ended = publication.processing is not None or publication.failure is not None
        if has_ended or publication.source is not Source.PULL_FROM_URL:
            self.pending_downloads.discard(publish_id)
        else:
            self.pending_downloads.add(publish_id)

    def publications_of(self, username: str) -> list[Publication]:
        """Return every publication of one person through any app, oldest first."""
        return [self.publications[publish_id] for publish_id in self._ids_by_username.get(username, ())]


def is_still_true(tables: Tables, pending: PendingWebhook, now: float) -> bool:
    """Return whether a webhook's event is true when it is due.

    A publication may have changed since the webhook was scheduled. An event about no publication is always true.
    """
    publication = tables.publications.get(pending.publish_id)
    if publication is None:
        return True
    about = (pending.due_at, pending.event, pending.content)
    return pending.due_at <= now and any(
        about == (each.due_at, each.event, dict(each.content)) for each in scheduled_webhooks(publication)
    )
